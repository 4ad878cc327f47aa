"""The thread that keeps the store in order beside what comes in."""

import os
import sys
import threading

import pytest

from ingest import upkeep


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is not a thread's own")
def test_only_the_thread_that_gives_way_has_a_lower_priority() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def give_way() -> None:
        upkeep.give_way()
        seen.append(niceness())

    seen, before = list[int](), niceness()
    thread = threading.Thread(target=give_way)
    thread.start()
    thread.join()
    assert seen == [max(before, upkeep.NICENESS)]
    assert niceness() == before
