"""The choice of student architectures: adding one is one file, one line here and the parametrised tests."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, TypeAdapter

from students.architectures.convolutional import ConvolutionalStudent
from students.architectures.digits import DigitsStudent
from students.architectures.recurrent import RecurrentStudent
from students.architectures.reparameterised import ReparameterisedStudent, with_branches_merged
from students.parts import Recogniser

StudentConfig = Annotated[
    RecurrentStudent | ConvolutionalStudent | DigitsStudent | ReparameterisedStudent, Field(discriminator="kind")
]
STUDENTS: TypeAdapter[StudentConfig] = TypeAdapter(StudentConfig)
Config = TypeVar("Config", bound=BaseModel)


def deployed(model: Recogniser, architecture: Config) -> tuple[Recogniser, Config]:
    """Return network and architecture as a model file holds them; the same where training has no other form."""
    match architecture:
        case ReparameterisedStudent(merged=False):
            return with_branches_merged(model), architecture.model_copy(update={"merged": True})
        case _:
            return model, architecture
