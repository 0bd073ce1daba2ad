"""`python -m students.serving MODEL`: serve a student over HTTP until SIGTERM or Ctrl+C; what was begun is answered."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from students.errors import UserError
from students.serving.limits import Limits

USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and return the exit code: 0 once it was stopped, 2 for what the user can mend."""
    options = parser().parse_args(arguments)
    try:
        serve(options)
    except UserError as error:
        print(f"students.serving: {error}", file=sys.stderr)
        return USER_ERROR
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the options: the model, where to serve it, and every limit by its name."""
    options = argparse.ArgumentParser(prog="python -m students.serving", description=__doc__)
    options.add_argument("model", metavar="MODEL", help="model file, run folder, or name of a shipped student")
    options.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine alone)")
    options.add_argument("--port", type=int, default=8000, help="port to serve on (default 8000; 0: any)")
    options.add_argument("--access-log", action="store_true", help="log every request")
    for name, field in Limits.model_fields.items():
        kind = float if field.annotation is float else int
        about = f"{field.description} (default {field.default:,})"
        options.add_argument(f"--{name.replace('_', '-')}", type=kind, default=field.default, metavar="N", help=about)
    return options


def serve(options: argparse.Namespace) -> None:
    """Open the model and the port, and serve. Raises `UserError` for what is missing or cannot be opened."""
    from pydantic import ValidationError

    try:
        limits = Limits(**{name: getattr(options, name) for name in Limits.model_fields})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UserError(f"--{name} {first['input']}: {first['msg'].lower()}") from error
    try:
        from students.serving.server import listening, server_of
    except ModuleNotFoundError as error:
        if error.name in ("students", "students.serving"):
            raise
        raise UserError(f"{error.name} is not installed: pip install 'crnn-students[service]'") from error
    import students

    server = server_of(students.load(options.model), limits, options.access_log)
    with listening(options.host, options.port) as listener:
        print(f"http://{options.host}:{listener.getsockname()[1]}/read (Ctrl+C ends it)", flush=True)
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has ended in order
            signal.signal(number, lambda *_: None)
        server.run([listener])


if __name__ == "__main__":
    sys.exit(main())
