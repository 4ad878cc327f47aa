"""The `jeonju` command."""

import errno
import os
import sys
from typing import Final

import typer

from jeonju.cli.app import app
from jeonju.common.errors import JeonjuError

# A person must change something first: a supervisor does not start it again.
EXIT_USER_ERROR: Final = 2
# A broker, store or service is away: the same command may succeed later.
EXIT_UNAVAILABLE: Final = os.EX_TEMPFAIL
# What a disk may answer wherever something is read or written, and what then helps.
_FULL, _CLOSED = "free some space, or name another place", "give this user the right to it, or name another place"
_OF_A_DISK: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}


def main() -> None:
    """Run the command line; what is wrong is one clear line and an exit status that tells whether to try again, never a traceback."""
    try:
        app(prog_name="jeonju")
    except JeonjuError as error:
        typer.echo(f"jeonju: {error}", err=True)
        sys.exit(EXIT_UNAVAILABLE if error.is_temporary else EXIT_USER_ERROR)
    except OSError as error:
        if error.errno not in _OF_A_DISK:
            raise
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"jeonju: {where}{os.strerror(error.errno)}; {_OF_A_DISK[error.errno]}", err=True)
        sys.exit(EXIT_USER_ERROR)
    except ModuleNotFoundError as error:
        # The extras of the package, and the image of the services, leave out what a command may need.
        if error.name is None or error.name.partition(".")[0] == "jeonju":
            raise
        typer.echo(f"jeonju: this needs {error.name}, which is not installed: pip install 'jeonju-air[all]'", err=True)
        sys.exit(EXIT_USER_ERROR)


if __name__ == "__main__":
    main()
