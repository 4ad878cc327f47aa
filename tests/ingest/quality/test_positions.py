"""A position that cannot be is not stored: it is kept as extra and flagged, and the known place stays."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.quality import Flag, decode_flags, read_flags
from jeonju.contract.reading import Reading
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.batch import Batch
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.quality.checks import Checks
from jeonju.messages.quality import quality_in_words

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IMPOSSIBLE = {"position": Flag.of("suspect", "impossible-position")}


def rows_of(*positions: tuple[float, float] | None, **more: Any) -> list[dict[str, Any]]:
    batch = Batch()
    readings = [
        Reading(device="a", time=NOW.replace(second=at), position=position, values={"pm25": 7.0})
        for at, position in enumerate(positions)
    ]
    batch.add("site", NOW.replace(minute=1), readings, **more)
    rows: list[dict[str, Any]] = batch.table(Checks(), Ledger()).to_pylist()
    assert [row["pm25"] for row in rows] == [7.0] * len(positions)
    return rows


@pytest.mark.parametrize(
    "sent",
    [
        (127.0976, 35.8546),
        (-90.1, 0.5),
        (35.8, 180.5),
        (35.8, -200.0),
        (0.0, 0.0),
        (-0.0, 0.0),
        (9e-7, -9e-7),
        (3.4e38, 3.4e38),
    ],
)
def test_impossible_position_is_kept_and_flagged(sent: tuple[float, float]) -> None:
    (row,) = rows_of(sent)
    assert (row["lat"], row["lon"]) == (None, None)
    assert json.loads(row["extra"]) == {"position": list(sent)}
    assert decode_flags(row["quality"]) == IMPOSSIBLE
    assert quality_in_words(row["quality"], "ko")["position"][0] == "suspect"
    assert read_flags(row["quality"]).faults == {}


@pytest.mark.parametrize("sent", [(math.nan, 127.1), (math.nan, math.nan), (math.inf, 127.1), (35.8, -math.inf)])
def test_position_that_is_not_finite_is_kept_in_words(sent: tuple[float, float]) -> None:
    (row,) = rows_of(sent)
    assert (row["lat"], row["lon"]) == (None, None)
    assert [float(axis) for axis in json.loads(row["extra"])["position"]] == pytest.approx(list(sent), nan_ok=True)
    assert decode_flags(row["quality"]) == IMPOSSIBLE


@pytest.mark.parametrize(
    "sent", [(35.8546, 127.0976), (90.0, 180.0), (-90.0, -180.0), (0.0, 9.45), (51.4779, 0.0), (2e-6, 0.0)]
)
def test_possible_position_is_stored_as_it_is(sent: tuple[float, float]) -> None:
    (row,) = rows_of(sent)
    assert (row["lat"], row["lon"]) == sent
    assert (row["quality"], row["extra"]) == (None, None)


def test_every_row_of_a_batch_is_judged_by_itself() -> None:
    rows = rows_of(None, (35.8, 127.1), (127.1, 35.8), None, (0.0, 0.0), (35.9, 127.2))
    assert [row["lat"] for row in rows] == [None, 35.8, None, None, None, 35.9]
    assert [bool(row["quality"]) for row in rows] == [False, False, True, False, True, False]
    assert [bool(row["extra"]) for row in rows] == [False, False, True, False, True, False]


@given(st.lists(st.none() | st.tuples(st.floats(), st.floats()), max_size=10))
def test_no_position_outside_the_globe_is_ever_stored(positions: list[tuple[float, float] | None]) -> None:
    for row, sent in zip(rows_of(*positions), positions, strict=True):
        if row["lat"] is None:
            assert row["lon"] is None
            assert (sent is None) == (row["quality"] is None)
        else:
            assert (row["lat"], row["lon"]) == sent
            assert abs(row["lat"]) <= 90
            assert abs(row["lon"]) <= 180
            assert row["quality"] is None


def test_what_a_decoder_kept_of_a_position_is_flagged() -> None:
    (row,) = rows_of(None, extra={0: {"position": "north"}})
    assert decode_flags(row["quality"]) == IMPOSSIBLE


def test_reason_that_a_decoder_gives_for_a_position_stands_alone() -> None:
    no_fix = {"position": Flag.of("suspect", "no-fix")}
    (row,) = rows_of(None, extra={0: {"position": [0, 0]}}, flags={0: no_fix})
    assert decode_flags(row["quality"]) == no_fix


def test_value_whose_unit_does_not_fit_is_neither_unknown_nor_no_number() -> None:
    unfit = {"co": Flag.of("suspect", "unit-does-not-fit", unit="V")}
    extra = {0: {"values": {"co": 0.4, "radon": 12.0}}}
    (row,) = rows_of(None, extra=extra, flags={0: unfit})
    assert row["co"] is None
    assert json.loads(row["extra"]) == extra[0]
    assert decode_flags(row["quality"]) == unfit | {"radon": Flag.of("suspect", "unknown-quantity")}


def commit(body: dict[str, Any]) -> dict[str, Any]:
    topic = f"air/v1/jeonju/{body['device']}/readings"
    (row,) = Pipeline(load_site("jeonju")).commit([Message(topic, json.dumps(body).encode(), NOW)]).readings.to_pylist()
    assert isinstance(row, dict)
    return row


def test_native_message_with_swapped_axes_keeps_its_values() -> None:
    row = commit({"v": 1, "device": "palbok-03", "position": [127.0976, 35.8546], "values": {"pm25": 25}})
    assert (row["pm25"], row["lat"], row["lon"]) == (25, None, None)
    assert decode_flags(row["quality"]) == IMPOSSIBLE


def test_filler_inside_the_plausible_range_is_bad_and_is_compared_with_nothing() -> None:
    row = commit({"v": 1, "device": "palbok-03", "values": {"pm25": 80, "pm10": 6553.5}})
    assert row["pm10"] == 6553.5
    assert decode_flags(row["quality"]) == {"pm10": Flag.of("bad", "filler", value=6553.5)}
    row = commit({"v": 1, "device": "palbok-03", "values": {"pm25": 6553.5, "pm10": 20}})
    assert read_flags(row["quality"]).bad == {"pm25"}
    assert [reason.code for reason in decode_flags(row["quality"])["pm25"].reasons] == ["out-of-range", "filler"]


def test_native_message_with_pm25_above_pm10_is_flagged() -> None:
    row = commit({"v": 1, "device": "palbok-03", "values": {"pm25": 80, "pm10": 12}})
    order = Flag.of("suspect", "pm-order", smaller="pm25", larger="pm10")
    assert decode_flags(row["quality"]) == {"pm25": order, "pm10": order}
