"""Where no bar can be drawn, a line a minute says how far long work is."""

import pytest

from jeonju.cli.progress import lines, progress


def said(capsys: pytest.CaptureFixture[str], total: float | None, done: list[tuple[float, float]]) -> list[str]:
    now_s = 0.0
    say = lines("40 runs", total, lambda: now_s)
    for now_s, share in done:  # noqa: B007  (read by the clock)
        say(share)
    return capsys.readouterr().err.splitlines()


def test_a_line_a_minute_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 1.0, [(1, 0.0), (30, 0.1), (60, 0.2), (90, 0.3), (125, 0.5)]) == [
        "40 runs: 20 %, about 4 min left",
        "40 runs: 50 %, about 2 min left",
    ]


def test_what_an_earlier_run_did_does_not_count_for_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 1.0, [(1, 0.5), (60, 0.5), (120, 0.6)]) == ["40 runs: 50 %", "40 runs: 60 %, about 8 min left"]


def test_a_count_where_the_total_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, None, [(61, 12_000)]) == ["40 runs: 12,000"]


def test_nothing_is_said_of_short_work(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("short") as on_progress:
        on_progress(1.0)
    assert capsys.readouterr().err == ""
