"""One attempt at each kind of target: the harness works, counts what is lost, and the platform holds."""

from pathlib import Path

from attack.__main__ import KNOWN, Finding, at_one, table
from attack.target import Size


def test_reading_in_anothers_name_is_seen_not_to_count(tmp_path: Path) -> None:
    found = {finding.attempt: finding for finding in at_one("nats", {"first-moment", "array"}, tmp_path)}
    assert found.keys() == {"first-moment", "array", "nothing-lost"}
    assert all(finding.held for finding in found.values()), found


def test_table_has_a_row_for_each_attempt() -> None:
    sizes = (Size(1.0, 2), Size(3.0, 4))
    findings = [
        Finding(attempt=name, tries="something", broker="nats", seen="nothing", held=held, up=sizes, of_broker=sizes)
        for name, held in (("a", True), ("b", False), ("c", None))
    ]
    assert table(findings).row_count == 3
    assert len(KNOWN) == len(set(KNOWN))
