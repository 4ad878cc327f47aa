"""The `jeonju` command."""

import sys

import typer

from airquality.errors import JeonjuError
from jeonju.cli import app

EXIT_USER_ERROR = 2


def main() -> None:
    """Run the command line; a mistake of the user's is one clear line and exit status 2, never a traceback."""
    try:
        app(prog_name="jeonju")
    except JeonjuError as error:
        typer.echo(f"jeonju: {error}", err=True)
        sys.exit(EXIT_USER_ERROR)


if __name__ == "__main__":
    main()
