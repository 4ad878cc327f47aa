"""A channel tested from the command line, and who would be told."""

import json
from pathlib import Path

import pytest

from tests.jeonju.cli.command import jeonju
from tests.response.notifying import SECRET, control_room

EXAMPLE = Path(__file__).parents[3] / "examples/notify/on-call.toml"


def test_test_says_what_was_answered_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rules.toml"
    with control_room() as room:
        rules.write_text(f"[[channels]]\ntype = 'webhook'\nname = 'room'\nurl = '{room.url}'\nsecret = 'env:ROOM'\n")
        missing = jeonju("notify", "test", "room", "--rules", rules)
        assert (missing.returncode, "env:ROOM is empty; set ROOM" in missing.stderr) == (2, True)
        monkeypatch.setenv("ROOM", SECRET)
        done = jeonju("notify", "test", "room", "--rules", rules)
        assert done.stdout.startswith("room: 127.0.0.1:")
        assert done.stdout.endswith("answered 200\n")
        assert [alert["event"] for alert in room.received[0]["alerts"]] == ["test"]
        room.status = 401
        refused = jeonju("notify", "test", "room", "--rules", rules)
        assert (refused.returncode, "did not take it" in refused.stderr) == (2, True)
    assert "there are: room" in jeonju("notify", "test", "pigeon", "--rules", rules).stderr
    assert "give either" in jeonju("notify", "test", "room").stderr


def test_who_is_told_at_a_time() -> None:
    found = json.loads(jeonju("notify", "who", EXAMPLE, "--at", "2027-01-01T23:00", "--json").stdout)
    assert found["at"] == "2027-01-01T23:00:00+09:00"
    assert [step["people"] for step in found["steps"][:2]] == [["kim", "lee"], ["lee"]]
    assert found["quiet"] == {"team-chat": ["critical"], "kim-phone": ["critical"]}
    assert "nobody is duty on mon 00:00" in jeonju("alerts", "check", EXAMPLE).stderr
    assert "is no time" in jeonju("notify", "who", EXAMPLE, "--at", "noon").stderr
