"""Whatever comes, in whatever order: values stay as they are, flags are well-formed, and late readings change nothing."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.quality import CODES, decode_flags
from jeonju.contract.reading import Reading
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.batch import Batch
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.quality.checks import Checks
from jeonju.messages.quality import quality_in_words
from tests.ingest.quality.feeding import feed

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
READINGS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(-100_000, 100_000),
        st.integers(0, 5000),
        st.dictionaries(st.sampled_from(KEYS), st.none() | st.floats(), max_size=6),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(READINGS, st.integers(1, 7))
def test_values_never_change_and_every_flag_has_a_reason(
    readings: list[tuple[str, int, int, dict[str, float | None]]], size: int
) -> None:
    checks = Checks(lambda _site, _device: "z")
    for start in range(0, len(readings), size):
        batch = Batch()
        part = readings[start : start + size]
        for device, time_s, received_s, values in part:
            reading = Reading(device=device, time=NOW + timedelta(seconds=time_s), values=values)
            batch.add("site", NOW + timedelta(seconds=received_s), [reading])
        for row, (_, _, _, values) in zip(batch.table(checks, Ledger()).to_pylist(), part, strict=True):
            for key, value in values.items():
                absent = value is None or math.isnan(value)
                assert row[key] is None if absent else row[key] == value
            for flag in decode_flags(row["quality"] or "{}").values():
                assert flag.severity in ("suspect", "bad")
                assert {reason.code for reason in flag.reasons} <= CODES.keys() - {"other"}


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(30)), st.lists(st.integers(0, 29), max_size=10), st.integers(0, 2**32))
def test_order_repeats_and_late_readings_leave_the_verdicts_as_they_are(
    order: list[int], late: list[int], seed: int
) -> None:
    values = np.random.default_rng(seed).choice([20.0, 21.0, 300.0, 900.0, np.nan], 60)
    straight, disturbed = Checks(), Checks()
    feed(straight, np.arange(30), received_s=100.0, pm25=values[:30])
    feed(disturbed, np.array(order), received_s=100.0, pm25=values[order])
    if late:
        feed(disturbed, np.array(late) - 60, received_s=100.0, pm25=5.0)
    ways = [feed(checks, np.arange(30, 60), received_s=100.0, pm25=values[30:]) for checks in (straight, disturbed)]
    if np.isfinite(values[:30]).any():
        assert ways[0] == ways[1]


def commit(pipeline: Pipeline, at: datetime, body: Any, topic: str = "air/v1/jeonju/palbok-03/readings") -> list[Any]:
    table = pipeline.commit([Message(topic, json.dumps(body).encode(), at)]).readings
    return [quality_in_words(text or "{}") for text in table["quality"].to_pylist()]


def test_messages_of_devices_pass_all_checks_from_commit_to_commit() -> None:
    pipeline = Pipeline(load_site("jeonju"))
    body = {"device": "palbok-03", "time": NOW.isoformat(), "values": {"pm25": 20, "co": 0.4, "humidity": 50}}
    assert commit(pipeline, NOW, body) == [{}]
    later = NOW + timedelta(seconds=1)
    body |= {"time": later.isoformat(), "values": {"pm25": 700, "co": 0.4, "humidity": 93}}
    (said,) = commit(pipeline, later, body)
    flag, reason = said["pm25"]
    assert flag == "suspect"
    assert reason.startswith("humidity 93 %")
    assert reason.endswith("; jumped from 20.0 to 700.0 µg/m³ within 1 s")


def test_a_bad_value_is_not_compared_with() -> None:
    pipeline = Pipeline(load_site("jeonju"))
    said = [
        commit(pipeline, at, {"device": "palbok-03", "time": at.isoformat(), "values": {"pm25": value}})[0]
        for at, value in ((NOW + timedelta(seconds=n), value) for n, value in enumerate((20, 99_999, 21)))
    ]
    assert said == [{}, {"pm25": ["bad", "outside the plausible range"]}, {}]
