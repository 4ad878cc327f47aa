"""What a service that runs for months does without: pandas, memory that it has freed, and code that only its start needed."""

import ctypes
import platform
import re
import sys
import threading
import time
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Final

# Parameters of glibc's mallopt (malloc.h), and of Linux' madvise (madvise(2)).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8
_DONTNEED = 4
# Pieces from this size on have pages of their own. Left to itself glibc raises that to 32 MB, and pieces in use keep freed ones around them.
OWN_PAGES_FROM_BYTES: Final = 256 * 1024
ARENAS: Final = 2
TRIMMED_EVERY_S: Final = 60.0
# Parts of Python's packages in /proc/self/smaps that nobody writes to, nor has: the loader writes addresses into some before it closes them.
# Other libraries may be unloaded, and something else be in their place when their pages are let go of; those of packages never are.
_LIBRARY: Final = re.compile(
    r"(?m)^([0-9a-f]+)-([0-9a-f]+) r-[x-]p .* /.+/(?:site|dist)-packages/.+\.so\b.*\n(?:\w+: .*\n)*?Anonymous: +0 kB"
)


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:  # noqa: ARG002
        if fullname == "pandas":
            raise ModuleNotFoundError("a service does without pandas", name=fullname)


def run_lean() -> None:
    """Let nothing import pandas, and memory go back to the system once it is freed; to be called before anything large is imported.

    pyarrow looks for pandas at its first list, and where a sweep's packages brought it, it takes a second and 50 MB.
    """
    sys.meta_path.insert(0, _NoPandas())
    _give_back_memory()


def _give_back_memory() -> None:
    import pyarrow as pa

    # Of its pools, only that of the C library gives everything back.
    pa.set_memory_pool(pa.system_memory_pool())
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for parameter, value in (
        (_MMAP_THRESHOLD, OWN_PAGES_FROM_BYTES),
        (_TRIM_THRESHOLD, OWN_PAGES_FROM_BYTES),
        (_MOST_ARENAS, ARENAS),
    ):
        libc.mallopt(parameter, value)
    threading.Thread(target=_trim, args=(libc,), name="memory", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    """Give back free pages between small pieces, too: tracing a source leaves some megabytes of them."""
    while True:
        time.sleep(TRIMMED_EVERY_S)
        libc.malloc_trim(0)
        _let_go_of_libraries(libc)


def _let_go_of_libraries(libc: ctypes.CDLL) -> None:
    """Unmap the code of libraries: what is used is back at once, from where the system keeps files; the compiler's 70 MB are not."""
    try:
        mapped = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # A system may hide it.
    for begin, end in _LIBRARY.findall(mapped):
        address = int(begin, 16)
        libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(int(end, 16) - address), _DONTNEED)
