"""The quickest experiments, cut short: the harness itself works, and the platform comes through."""

import sys
from pathlib import Path

import pytest

from chaos.__main__ import ledger, main, run
from chaos.testbed import Options
from chaos.verify import Finding
from tests.conftest import need_broker

BRIEF = Options(brief=True)


@pytest.mark.parametrize("name", ["ingest-kill-mosquitto", "poison", "clock"])
def test_brief_ordeal_loses_nothing(name: str, tmp_path: Path) -> None:
    if name.endswith("mosquitto"):
        need_broker("mosquitto")
    found = run(name, BRIEF, tmp_path / "testbed")
    assert found.passed, found
    assert found.found == found.acknowledged > 0
    assert (found.missing, found.duplicates, found.times_right) == (0, 0, True)


def test_cluster_outlives_a_node_and_workers(tmp_path: Path) -> None:
    found = run("cluster", BRIEF, tmp_path)
    if found.verdict.startswith("skipped"):
        pytest.skip(found.verdict)
    assert found.passed, found
    assert found.found == found.acknowledged > 0


@pytest.mark.parametrize("wrong", [["--rounds", "0"], ["--rounds", "-3"], ["--minutes", "0"], ["--minutes", "nan"]])
def test_ordeal_that_would_try_nothing_is_refused(wrong: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", "kills", *wrong])
    with pytest.raises(SystemExit, match="2"):
        main()


def test_ledger_has_a_row_for_each_ordeal() -> None:
    findings = [Finding(experiment=name, broken="something", verdict="nothing lost") for name in ("a", "b")]
    assert ledger(findings).row_count == 2
