"""Listen at a broker and show, message by message, how it is understood or why not."""

import json
import queue
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from jeonju.broker.client import Client
from jeonju.broker.embedded import folder_of
from jeonju.broker.identity import passing_id
from jeonju.broker.probe import takes_spaces
from jeonju.broker.refusals import ADVICE, WARNING, RefusedSenders
from jeonju.common.clock import utc_now
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.contract.topics import is_filter
from jeonju.decoders.message import Message
from jeonju.ingest.diagnosis import Diagnosis, Doctor

CONNECT_WITHIN_S = 10.0


def diagnoses(site: Site, broker_url: str, topic: str, over: Callable[[float], bool]) -> Iterator[Diagnosis]:
    """Yield what becomes of every message on a topic until `over` says so; nothing is stored.

    Raises UnavailableError when no broker answers, UserError when it refuses, and for what is no topic filter.
    """
    if not is_filter(topic):
        raise UserError(
            f"{topic!r} is no topic filter; `+` and a last `#` stand for whole levels, as in 'v3/+/up' or 'v3/#'"
        )
    arrived, doctor = queue.Queue[Message](10_000), Doctor(site)
    answered: queue.Queue[UserError | str | None] = queue.Queue()
    client = Client(
        broker_url,
        passing_id("jeonju-doctor"),
        filters=[(topic, 1)],
        on_subscribed=lambda: answered.put(client.refusal),
        on_refused=answered.put,
    )
    client.on_message = lambda _c, _d, message: arrived.put(
        Message(message.topic, bytes(message.payload), utc_now(), message.retain)
    )
    client.begin()
    try:
        try:
            refused = answered.get(timeout=CONNECT_WITHIN_S)
        except queue.Empty:
            refused = f"the broker at {client.address!r} does not answer the subscription to {topic!r}"
        if isinstance(refused, UserError):
            raise refused
        if refused is not None:
            raise UserError(refused)
        while not over(0.0):
            # At a reconnection the answer may be another one.
            if not answered.empty() and (refused := answered.get()) is not None:
                raise refused if isinstance(refused, UserError) else UserError(refused)
            try:
                message = arrived.get(timeout=0.2)
            except queue.Empty:
                continue
            yield doctor.look_at(message)
    finally:
        client.end()


def notices(broker_url: str, data: Path) -> list[str]:
    """Return what to know of the broker itself: that it takes no spaces in topics, and whom the one of a data folder has disconnected for that."""
    if takes_spaces(broker_url) is not False:
        return []
    refused = RefusedSenders.of_last_start(folder_of("embedded", data) / "broker.log")
    return [f"{WARNING}{ADVICE}", *refused.notices()]


def in_words(found: Diagnosis, *, as_json: bool) -> str:
    """Return a diagnosis for a person, or as one JSON object."""
    if as_json:
        return json.dumps(asdict(found), ensure_ascii=False)
    lines = [found.topic]
    if found.understood_as and found.why_not is None:
        lines[0] += f"   ✓ {found.understood_as}"
    for reading in found.readings:
        values = ", ".join(f"{key} {value:g}" for key, value in reading["values"].items()) or "no quantity of ours"
        unknown = f"   (kept, but unknown: {', '.join(reading['unknown'])})" if "unknown" in reading else ""
        lines.append(f"  {reading['device']}  {reading['time'] or 'time of arrival'}  {values}{unknown}")
        lines += [f"    {key} is {flag}: {reason}" for key, (flag, reason) in reading.get("quality", {}).items()]
        if extra := reading.get("extra"):
            lines.append(f"    kept as extra: {json.dumps(extra, ensure_ascii=False)}")
    lines += [f"  {device} is {state}" for device, state in found.states]
    lines += [f"  ✗ a part becomes a dead letter: {reason}" for reason in found.rejected]
    if found.why_not:
        lines.append(f"  ✗ {found.why_not}")
    if found.suggestion:
        lines += ["  a site file could say:", *(f"    {line}" for line in found.suggestion.splitlines())]
    return "\n".join(lines)
