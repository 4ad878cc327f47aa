"""Events are kept by number, size and age: whoever shows an id gets exactly what followed it, or is told that it is not known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.api import event_ring
from jeonju.api.event_ring import EventRing

# An event of so many bytes, or so many seconds that pass, or another course of events.
STEPS = st.lists(st.tuples(st.sampled_from(["event", "pause", "begin"]), st.integers(0, 40)), max_size=60)


@given(STEPS)
def test_ring_knows_what_followed_each_id_as_far_as_its_bounds_reach(steps: list[tuple[str, int]]) -> None:
    now_s, sent, ids = 0.0, list[tuple[float, bytes]](), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_ring, "MOST_EVENTS", 10)
        patch.setattr(event_ring, "MOST_BYTES", 400)
        patch.setattr(event_ring, "KEPT_S", 60.0)
        ring = EventRing(lambda: now_s)
        foreign = [ring.newest_id]
        ids.append(ring.newest_id)
        for what, amount in steps:
            if what == "pause":
                now_s += amount
            elif what == "begin":
                foreign += ids
                ring.begin()
                sent, ids = [], [ring.newest_id]
            else:
                sent.append((now_s, ring.add(b"x" * amount + b"\n\n")))
                ids.append(ring.newest_id)
                assert sent[-1][1].startswith(f"id: {ids[-1]}\n".encode())
            known = kept(sent, now_s)
            for number, event_id in enumerate(ids):
                missed = [message for _, message in sent[number:]]
                assert ring.since(event_id) == (missed if len(missed) <= known else None)
            for event_id in [
                *(one for one in foreign if one not in ids),
                f"{ids[0][:-2]}-{len(ids)}",
                "",
                "-",
                f"{ids[-1]}-1",
            ]:
                assert ring.since(event_id) is None


def kept(sent: list[tuple[float, bytes]], now_s: float) -> int:
    """Return how many of the newest events may be known."""
    count = size = 0
    for at_s, message in reversed(sent):
        size += len(message)
        if count == 10 or size > 400 or at_s < now_s - 60:
            break
        count += 1
    return count
