"""The choice of student architectures: adding one is one file, one line here and the parametrised tests."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from students.architectures.convolutional import ConvolutionalStudent
from students.architectures.digits import DigitsStudent
from students.architectures.recurrent import RecurrentStudent

StudentConfig = Annotated[RecurrentStudent | ConvolutionalStudent | DigitsStudent, Field(discriminator="kind")]
STUDENTS: TypeAdapter[StudentConfig] = TypeAdapter(StudentConfig)
