"""Listen at a broker and show, message by message, how it is understood or why not."""

import json
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from airquality.broker_url import parse_broker_url
from airquality.clock import utc_now
from airquality.errors import UserError
from airquality.site import Site
from ingest.diagnosis import Diagnosis, Doctor

CONNECT_WITHIN_S = 10.0


def diagnoses(site: Site, broker_url: str, topic: str, over: Callable[[float], bool]) -> Iterator[Diagnosis]:
    """Yield what becomes of every message on a topic until `over` says so; nothing is stored.

    Raises UserError when the broker cannot be reached or refuses.
    """
    url, arrived, doctor = parse_broker_url(broker_url), queue.Queue[tuple[str, bytes]](10_000), Doctor(site)
    answered: queue.Queue[str | None] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"jeonju-doctor-{time.monotonic_ns() % 100_000}")
    if url.username is not None:
        client.username_pw_set(url.username, url.password)
    if url.tls:
        client.tls_set()

    def on_connect(client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            answered.put(str(reason))
        else:
            client.subscribe(topic, 1)

    client.on_connect = on_connect
    client.on_subscribe = lambda _c, _d, _m, reasons, _p: answered.put(
        str(reasons[0]) if reasons[0].is_failure else None
    )
    client.on_message = lambda _c, _d, message: arrived.put((message.topic, bytes(message.payload)))
    try:
        client.connect(url.host, url.port)
    except OSError as error:
        raise UserError(
            f"no broker answers at {url.host}:{url.port}: {error}; start it, or name another with --broker"
        ) from error
    client.loop_start()
    try:
        try:
            refused = answered.get(timeout=CONNECT_WITHIN_S)
        except queue.Empty:
            refused = "no answer to the subscription"
        if refused is not None:
            raise UserError(f"the broker at {url.host}:{url.port} refuses {topic!r}: {refused}")
        while not over(0.0):
            try:
                name, payload = arrived.get(timeout=0.2)
            except queue.Empty:
                continue
            yield doctor.look_at(name, payload, utc_now())
    finally:
        client.disconnect()
        client.loop_stop()


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
    lines += [f"  {device} is {state}" for device, state in found.states]
    if found.why_not:
        lines.append(f"  ✗ {found.why_not}")
    if found.suggestion:
        lines += ["  a site file could say:", *(f"    {line}" for line in found.suggestion.splitlines())]
    return "\n".join(lines)
