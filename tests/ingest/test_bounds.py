"""Senders that make things up must not fill the memory."""

import json
from datetime import UTC, datetime

import pytest

import ingest.pipeline as pipeline_module
from airquality.gateways import Gateway
from airquality.site import Site
from ingest.pipeline import Message, Pipeline

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)


@pytest.mark.parametrize("native", [True, False])
def test_a_million_names_are_turned_away_once_there_are_too_many(
    jeonju: Site, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the bound a hundred times smaller: what is known goes on, what is new goes to the dead letters with the reason."""
    monkeypatch.setattr(pipeline_module, "MOST_DEVICES", 500)
    pipeline = Pipeline(jeonju.model_copy(update={"gateways": [Gateway(topic="v1/gateway/#", format="thingsboard")]}))
    taken = rejected = 0
    for first in range(0, 10_000, 100):
        names = [f"made-up-{first + n}" for n in range(100)]
        if native:
            messages = [
                Message(
                    f"air/v1/jeonju/{name}/readings",
                    json.dumps({"device": name, "values": {"pm25": 1.0}}).encode(),
                    NOW,
                )
                for name in names
            ]
        else:
            messages = [
                Message("v1/gateway/telemetry", json.dumps({name: [{"values": {"pm25": 1.0}}]}).encode(), NOW)
                for name in names
            ]
        commit = pipeline.commit(messages)
        taken += commit.readings.num_rows
        rejected += len(commit.dead_letters)
    assert (taken, rejected) == (500, 9500)
    again = pipeline.commit(
        [Message("air/v1/jeonju/made-up-3/readings", b'{"device": "made-up-3", "values": {"pm25": 2.0}}', NOW)]
    )
    assert again.readings.num_rows == 1
    late = pipeline.commit([Message("air/v1/jeonju/new/readings", b'{"device": "new", "values": {"pm25": 2.0}}', NOW)])
    assert late.dead_letters[0].reason == "more than 500 devices; this name is new"
    assert len(pipeline.ledger) <= 501
