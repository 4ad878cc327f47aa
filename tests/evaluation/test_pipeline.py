"""Scenarios of the whole pipeline: ours hold, and one that does not hold fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation.pipeline import scenarios
from jeonju.evaluation.pipeline.expectations import read_expectation
from jeonju.evaluation.pipeline.found import Found, Heard
from jeonju.evaluation.pipeline.scenarios import evaluate_pipeline, find_scenarios, play
from jeonju.evaluation.pipeline.steps import read_step
from tests.conftest import need_broker

CASES = Path(__file__).parents[2] / "evaluation/pipeline/cases"
READING: dict[str, Any] = {
    "device": "yard",
    "position": [35.8, 127.1],
    "values": {"pm25": 12.5},
    "quality": {"pm25": ["suspect", "jumped from 1 to 12.5 within 10 s"], "time": ["suspect", "impossible time"]},
    "extra": {"values": {"volume": 3}},
}
FOUND = Found(
    alive=True,
    readings={
        "yard": READING,
        "shed": {"device": "shed", "values": {"pm25": 4}},
        "swapped": {"device": "swapped", "position": [127.1, 35.8], "values": {}},
        "null": {"device": "null", "position": [0.0, 0.0], "values": {}},
    },
    devices=frozenset({"yard", "shed", "swapped", "null", "mute"}),
    letters=('vend/x {"id": "odd-1"} has no time',),
    rows={"yard": 2}.get,  # type: ignore[arg-type]
    heard=(
        Heard("resp/a/json", b'{"rsc": 2000, "rqi": "7", "pc": {"a": [1, 2]}}'),
        Heard("spBv1.0/g/NCMD/n", bytes.fromhex("08d0b9f7ecca33120548656c6c6f")),
    ),
)


def scenario(folder: Path, name: str, **members: Any) -> Path:
    path = folder / name / "scenario.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": name, "broker": "embedded", "gateways": "", **members}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name",
    [path.parent.name for path in find_scenarios(CASES)],
)
def test_the_platform_does_what_a_scenario_expects(name: str) -> None:
    path = CASES / name / "scenario.json"
    need_broker(json.loads(path.read_text(encoding="utf-8"))["broker"])
    assert play(path) is None


def test_what_does_not_hold_or_cannot_be_read_fails_with_the_reason(tmp_path: Path) -> None:
    sent = [["pub", "air/v1/jeonju/yard/readings", {"device": "yard", "values": {"pm25": 5}}]]
    expect = [
        {"alive": True},
        {"latest": "yard", "key": "pm25", "value": 6},
        {"rows": "yard", "count": 2},
        {"flagged": "yard", "key": "pm25"},
        {"any_trace": "nobody"},
    ]
    scenario(tmp_path, "wrong", steps=sent, expect=expect)
    scenario(tmp_path, "unknown", steps=sent, expect=[{"smelled": "yard"}])
    scenario(tmp_path, "no-site", gateways="[[gateways", steps=sent, expect=[{"any_trace": "nobody"}])
    done = CliRunner().invoke(app, ["evaluate", "pipeline", str(tmp_path)])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    why = {failure["scenario"]: failure["why"] for failure in result["failures"]}
    assert (result["passed"], result["total"], sorted(why)) == (0, 3, ["no-site", "unknown", "wrong"])
    assert why["wrong"].split("; ") == [
        "yard pm25 is 5.0, expected 6",
        "1 readings of yard are stored, expected 2",
        "yard has no flag on pm25 (flags: {})",
        "no reading, device or dead letter of nobody is there",
    ]
    assert why["unknown"].startswith('the scenario cannot be run: {"smelled": "yard"} is of no known kind')
    assert why["no-site"].startswith("the platform ended by itself with exit status 2: jeonju: ")
    assert f"wrong: FAILED: {why['wrong']}" in done.stderr


def test_passed_and_failed_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        scenario(tmp_path, name)
    monkeypatch.setattr(scenarios, "play", lambda path: "it rains" if path.parent.name == "two" else None)
    result = evaluate_pipeline(tmp_path)
    assert result == {"passed": 2, "total": 3, "failures": [{"scenario": "two", "why": "it rains"}]}


def test_only_what_is_named_is_played(tmp_path: Path) -> None:
    for name in ("one", "two"):
        scenario(tmp_path / "pipeline", name, steps=[], expect=[])
    done = CliRunner().invoke(app, ["evaluate", "pipeline", str(tmp_path), "--only", "two"])
    (failure,) = json.loads(done.stdout)["failures"]
    assert failure == {
        "scenario": "two",
        "why": "the scenario cannot be run: it has no list 'steps' with anything in it",
    }
    with pytest.raises(UserError, match="no scenario named three; there are: one, two"):
        CliRunner().invoke(app, ["evaluate", "pipeline", str(tmp_path), "--only", "three"], catch_exceptions=False)
    with pytest.raises(UserError, match="holds no"):
        CliRunner().invoke(app, ["evaluate", "pipeline", str(tmp_path / "none")], catch_exceptions=False)


@pytest.mark.parametrize("place", [".", "one", "pipeline/one", "field/pipeline/one"])
def test_scenarios_are_found_at_any_of_their_places(tmp_path: Path, place: str) -> None:
    path = scenario(tmp_path, place)
    assert find_scenarios(tmp_path) == [path]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "scenario.json cannot be read: "),
        ("[]", "is no JSON object"),
        ('{"broker": "emqx"}', "broker 'emqx' is not known; there are: embedded, mosquitto"),
        ('{"broker": ["embedded"]}', "is not known"),
        ('{"gateways": []}', "gateways must be a text in TOML"),
        ('{"steps": [["stop"]]}', "it has no list 'expect'"),
        ('{"steps": ["stop"], "expect": [{"alive": true}]}', "is no list that begins with the name of a step"),
    ],
)
def test_malformed_scenario_is_one_line(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(content)
    said = play(path)
    assert said is not None
    assert said.startswith("the scenario cannot be run: ")
    assert why in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "step",
    [
        [],
        "pub",
        ["jump"],
        ["pub", "a"],
        ["pub", "a/#", 1],
        ["pub", "", 1],
        ["pub", 3, 1],
        ["pub", "a", {"hex": "xyz"}],
        ["pub", "a", {"hex": 12}],
        ["pub", "a", 1, {"qos": 2}],
        ["pub", "a", 1, {"retain": 1}],
        ["pub", "a", 1, []],
        ["client", []],
        ["client", [["a"]]],
        ["client", ["a", 1]],
        ["wait"],
        ["wait", "2"],
        ["wait", -1],
        ["wait", True],
        ["restart", 1],
        ["stop", None],
        ["listen"],
        ["listen", "a/#/b"],
    ],
    ids=json.dumps,
)
def test_step_that_is_not_understood_is_refused(step: object) -> None:
    with pytest.raises(UserError):
        read_step(step)


@pytest.mark.parametrize(
    "expected",
    [
        [],
        {},
        {"smelled": "yard"},
        {"alive": "yes"},
        {"alive": True, "within": 3},
        {"latest": "yard", "key": "pm25"},
        {"latest": "yard", "key": 3, "value": 1},
        {"latest_value": "x", "key": "pm25"},
        {"latest_value": True, "key": "pm25"},
        {"flagged": "yard"},
        {"flagged_any": "yard", "keys": "pm25"},
        {"flagged_any": "yard", "keys": [1]},
        {"trace": "yard"},
        {"rows": "yard", "count": "1"},
        {"rows": "yard", "count": True},
        {"heard": "a/#/b"},
        {"heard": "a", "protobuf_fields": {"one": 1}},
    ],
    ids=json.dumps,
)
def test_expectation_that_is_not_understood_is_refused(expected: object) -> None:
    with pytest.raises(UserError):
        read_expectation(expected)


@pytest.mark.parametrize(
    "expected",
    [
        {"alive": True},
        {"latest": "yard", "key": "pm25", "value": 12.50000001},
        {"latest": "yard", "key": "latitude", "value": 35.8},
        {"latest": "yard", "key": "no2", "value": None},
        {"latest_value": 4, "key": "pm25"},
        {"flagged": "yard", "key": "time"},
        {"flagged_any": "yard", "keys": ["pm10", "pm25"]},
        {"trace": "yard", "of": "volume"},
        {"trace": "yard", "of": "Time"},
        {"any_trace": "mute"},
        {"any_trace": "odd-1"},
        {"possible_position": "yard"},
        {"possible_position": "mute"},
        {"no_position": "shed"},
        {"no_position": "yard"},
        {"rows": "yard", "count": 2},
        {"heard": "resp/a/json"},
        {"heard": "resp/+/json", "json": {"rsc": 2000.0, "pc": {"a": [1, 2]}}},
        {"heard": "spBv1.0/g/NCMD/n", "protobuf_fields": {"1": "payload timestamp", "2": "metrics"}},
        {"heard": "spBv1.0/g/NCMD/n", "protobuf_fields": {"1": 1772439330000}},
    ],
    ids=json.dumps,
)
def test_expectation_holds(expected: object) -> None:
    assert read_expectation(expected)(FOUND) is None


@pytest.mark.parametrize(
    ("expected", "why"),
    [
        ({"alive": False}, "the platform runs"),
        ({"latest": "yard", "key": "pm25", "value": 12.6}, "yard pm25 is 12.5, expected 12.6"),
        ({"latest": "yard", "key": "pm25", "value": "12.5"}, 'yard pm25 is 12.5, expected "12.5"'),
        ({"latest": "yard", "key": "no2", "value": 0}, "yard no2 is null, expected 0"),
        ({"latest": "mute", "key": "pm25", "value": 1}, "no reading of mute is stored (a dead letter: vend/x"),
        ({"latest_value": 5, "key": "pm25"}, 'no device has pm25 5, there is {"yard": 12.5, "shed": 4}'),
        ({"flagged": "yard", "key": "pm10"}, "yard has no flag on pm10 (flags: "),
        ({"flagged_any": "shed", "keys": ["pm10", "pm25"]}, "shed has no flag on pm10 or pm25 (flags: {})"),
        ({"trace": "yard", "of": "position"}, "neither a flag nor an extra of yard speaks of position"),
        ({"trace": "yard", "of": "volumes"}, "neither a flag nor an extra"),
        ({"trace": "yard", "of": "lum"}, "neither a flag nor an extra"),
        ({"any_trace": "nobody"}, "no reading, device or dead letter of nobody is there"),
        ({"possible_position": "swapped"}, "swapped is at [127.1, 35.8]"),
        ({"possible_position": "nobody"}, "no reading, device or dead letter of nobody is there"),
        ({"no_position": "null"}, "null is at [0.0, 0.0]"),
        ({"rows": "yard", "count": 1}, "2 readings of yard are stored, expected 1"),
        ({"heard": "resp/b/json"}, "nothing was heard on resp/b/json, only on "),
        ({"heard": "resp/a/json", "json": {"rsc": 4000}}, 'what was heard on resp/a/json has not {"rsc": 4000}'),
        ({"heard": "resp/a/json", "json": {"rsc": True}}, "has not"),
        ({"heard": "resp/a/json", "json": {"pc": {"a": [1]}}}, "has not"),
        ({"heard": "resp/a/json", "protobuf_fields": {"1": ""}}, "has not"),
        ({"heard": "spBv1.0/g/NCMD/n", "protobuf_fields": {"3": "seq"}}, "has not"),
        ({"heard": "spBv1.0/g/NCMD/n", "json": {}}, "has not"),
    ],
    ids=json.dumps,
)
def test_expectation_fails_and_says_why(expected: object, why: str) -> None:
    said = read_expectation(expected)(FOUND)
    assert said is not None
    assert why in said
