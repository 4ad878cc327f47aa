"""Recorded messages of real gateways, and the example in every decoder's README, are read exactly."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UserError
from jeonju.contract.gateways import Format, Gateway
from jeonju.contract.reading import Reading
from jeonju.decoders import decoder
from jeonju.decoders.message import Message
from jeonju.evaluation.gateways import decode_case, evaluate_gateways
from tests.conftest import SHARED_DATA

VECTORS = SHARED_DATA.parent / "vectors"
DECODERS = Path(__file__).parents[2] / "decoders"
FOLDERS = sorted(path.parent for path in DECODERS.glob("*/__init__.py"))
NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
recorded = pytest.mark.skipif(
    not VECTORS.exists(), reason="the recorded messages are not beside the project (../shared/vectors)"
)


@recorded
@pytest.mark.parametrize(("folder", "least"), [("vectors", 70), ("vectors_field", 30), ("vectors_later", 15)])
def test_every_recorded_message_is_read_exactly(folder: str, least: int) -> None:
    result = evaluate_gateways(VECTORS.with_name(folder))
    assert result["failures"] == []
    assert sum(counts["total"] for counts in result["formats"].values()) >= least
    assert set(result["formats"]) <= set(get_args(Format))


@recorded
def test_nothing_is_read_that_should_be_absent() -> None:
    for path in sorted(VECTORS.glob("*/*/case.json")):
        expected = json.loads((path.parent / "expected.json").read_text())
        found = decode_case(json.loads(path.read_text()), path.parent).readings
        listed = {(item["device"], item["key"]) for item in expected["readings"]}
        beyond = {key for device, _, key in found if (device, key) not in listed}
        assert not beyond & set(expected.get("absent", [])), path.parent.name


def test_wrong_expectation_is_a_failure_with_the_reason(tmp_path: Path) -> None:
    case = tmp_path / "json/one"
    case.mkdir(parents=True)
    (case / "01.json").write_text('{"t": 21.5}')
    message = {"topic": "x", "file": "01.json", "received_at": "2026-03-02T08:15:31Z"}
    described: dict[str, Any] = {
        "format": "json",
        "messages": [message],
        "settings": {"device": "a"},
        "mapping": [{"pointer": "/t", "key": "temperature"}],
    }
    (case / "case.json").write_text(json.dumps(described))
    reading = {"device": "a", "time": "2026-03-02T08:15:31Z", "key": "temperature", "value": 21.6}
    (case / "expected.json").write_text(json.dumps({"readings": [reading], "status": [], "rejects": 0}))
    result = evaluate_gateways(tmp_path)
    assert result["formats"] == {"json": {"exact": 0, "total": 1}}
    assert "temperature: 21.5, expected 21.6" in result["failures"][0]["why"]


@pytest.mark.parametrize(
    ("received_at", "time"),
    [("1991-03-11T11:40:04Z", "1991-03-11T11:40:03.120Z"), ("2026-03-02T08:15:31Z", "2026-03-02T08:15:31Z")],
)
def test_old_time_is_true_only_of_what_came_then(tmp_path: Path, received_at: str, time: str) -> None:
    (tmp_path / "01.json").write_text('{"t": 21.5, "at": "1991-03-11T11:40:03.12Z"}')
    case = {
        "format": "json",
        "messages": [{"topic": "x", "file": "01.json", "received_at": received_at}],
        "settings": {"device": "a", "time": "/at"},
        "mapping": [{"pointer": "/t", "key": "temperature"}],
    }
    (found,) = decode_case(case, tmp_path).readings
    assert datetime.fromisoformat(found[1]) == datetime.fromisoformat(time)


@pytest.mark.parametrize(
    ("case", "expected", "why"),
    [
        ({"format": "nope", "messages": []}, {}, "format: Input should be"),
        ({"format": "json"}, {}, "it has no 'messages'"),
        ({"format": "json", "messages": [7]}, {}, "not subscriptable"),
        ({"format": "json", "messages": []}, {"readings": []}, "it has no 'status'"),
        ({"format": "json", "messages": []}, {"readings": [{"device": "a", "time": "noon"}]}, "noon"),
    ],
)
def test_case_that_is_none_says_why(tmp_path: Path, case: Any, expected: Any, why: str) -> None:
    folder = tmp_path / "json/one"
    folder.mkdir(parents=True)
    (folder / "case.json").write_text(json.dumps(case))
    (folder / "expected.json").write_text(json.dumps(expected))
    (failure,) = evaluate_gateways(tmp_path)["failures"]
    assert why in failure["why"]


def test_case_that_is_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "json/one").mkdir(parents=True)
    (tmp_path / "json/one/case.json").write_text("[]")
    with pytest.raises(UserError, match="must be a JSON object, not list"):
        evaluate_gateways(tmp_path)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_decoder_readme_and_cases(folder: Path) -> None:
    assert (folder / "decoder.py").is_file()
    assert (folder / "README.md").is_file()
    assert list(folder.glob("cases/*/case.json"))


def test_every_case_beside_a_decoder_is_read_exactly() -> None:
    result = evaluate_gateways(DECODERS)
    assert result["failures"] == []
    assert set(result["formats"]) == {*get_args(Format), "native"} == {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("wire_format", get_args(Format))
def test_example_in_the_readme_is_read_as_it_says(wire_format: Format) -> None:
    page = (DECODERS / wire_format / "README.md").read_text()
    entry, *messages, expected = (
        block for kind, block in re.findall(r"```(\w+)\n(.*?)\n```", page, re.DOTALL) if kind != "sh"
    )
    gateway, *_ = (Gateway.model_validate(item) for item in tomllib.loads(entry)["gateways"])
    topics = re.findall(r"A message on `([^`]+)`", page)
    assert gateway.format == wire_format
    decode, readings = decoder(gateway.format), list[Reading]()
    for topic, message in zip(topics, messages, strict=True):
        payload = bytes.fromhex(message) if "```hex" in page else message.encode()
        readings += decode(Message(topic, payload, NOW), gateway).readings
    found = {item.device: {key: value for key, value in item.values.items() if key in QUANTITY} for item in readings}
    assert found == {device: pytest.approx(values) for device, values in json.loads(expected).items()}
    assert all(item.time is None or abs((item.time - NOW).total_seconds()) < 3600 for item in readings)
