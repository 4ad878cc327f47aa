"""The process that runs forks, one after another: low priority, one core, bounded memory; started and ended by `worker_process`.

python -m jeonju.evaluation.what_if.worker FD
"""

import contextlib
import os
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from jeonju.common.errors import JeonjuError

# The living city comes first.
NICENESS: Final = 10
MOST_DATA_BYTES: Final = 2 * 1024**3
ANSWER, REFUSAL, PROGRESS = "answer", "refusal", "progress"


def serve(connection: Connection) -> None:
    """Answer what is asked (`Gathered`) until nobody asks any more; what goes wrong is said in a line."""
    while True:
        try:
            gathered = connection.recv()
        except EOFError:
            return
        connection.send(_answered(connection, gathered))


def _answered(connection: Connection, gathered: Any) -> tuple[str, Any]:
    try:
        # Here, so that a package that is not installed is said in a line too.
        from jeonju.evaluation.what_if.answer import answer_of

        if gathered is None:
            return ANSWER, None
        return ANSWER, answer_of(gathered, lambda share: connection.send((PROGRESS, share)))
    except ModuleNotFoundError as error:
        return REFUSAL, f"this needs {error.name}, which is not installed here: pip install 'jeonju-air[all]'"
    except JeonjuError as error:
        return REFUSAL, str(error)
    except MemoryError:
        return (
            REFUSAL,
            f"this needs more than the {MOST_DATA_BYTES // 1024**3} GiB of memory that it may have; ask for fewer hours",
        )


def main() -> None:
    """Serve the connection whose file descriptor is given."""
    os.nice(NICENESS)
    # Where the machine or the container runs out of memory this goes first; some containers let nobody say so.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA_BYTES, MOST_DATA_BYTES))
    # Who asked is gone, which is no fault.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
