"""`python -m distill` and the command `distill`: the command line, or which packages it misses."""

import sys

from distill.commands import USER_ERROR, not_installed


def main() -> int:
    """Run one command and return its exit code; where the packages of the suite are not there, that is said."""
    try:
        from distill import cli
    except ModuleNotFoundError as error:
        print(not_installed(error), file=sys.stderr)
        return USER_ERROR
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
