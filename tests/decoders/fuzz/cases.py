"""An input of the fuzzer: messages of one format, in order, and what must hold whatever they are."""

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, get_args

from jeonju.common.errors import RejectedError
from jeonju.contract.columns import READINGS
from jeonju.contract.gateways import Format, Gateway
from jeonju.contract.records import LONGEST_LETTER_BYTES, LONGEST_LETTER_TEXT
from jeonju.contract.site import Site, load_site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import Router

NOW: Final = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
NATIVE: Final = "native"
FORMATS: Final = (NATIVE, *get_args(Format))
CORPUS: Final = Path(__file__).with_name("corpus")
DECODERS: Final = Path(__file__).parents[3] / "decoders"
# Extra content has 4 KiB beside the time and position that could not be read; quality a flag for each name in it.
LONGEST_EXTRA: Final = 6 * 1024
LONGEST_QUALITY: Final = 32 * 1024
_MAPPING: Final = [
    {"pointer": "/a/b", "key": "pm25"},
    {"pointer": "/temperature", "key": "temperature", "unit": "°F"},
    {"pointer": "/pm25", "key": "pm25", "scale": 0.1},
]
# Of formats whose decoders have no folder of cases, or few.
_PLAIN: Final = {
    "airkorea": (
        "airkorea/x",
        b'{"response":{"header":{"resultCode":"00"},"body":{"items":[{"sidoName":"a","stationName":"b","dataTime":"2024-09-13 24:00","pm10Value":"31","pm10Flag":null,"o3Value":"-"}]}}}',
    ),
    "chirpstack": (
        "application/1/device/70b3d5499c52f0aa/event/up",
        b'{"time":"2026-03-02T08:15:31Z","deviceInfo":{"devEui":"70b3d5499c52f0aa"},"object":{"pm25":12.5,"temperature":"21,4"},"rxInfo":[{"rssi":-90,"snr":7.5}]}',
    ),
    "fiware_ul": ("/ul/key/a/attrs", b"2026-03-02T08:15:31Z|pm25|12.5|t|21#pm25|13"),
    "ha_discovery": (
        "homeassistant/sensor/a/config",
        b'{"stat_t":"ha/t","dev_cla":"pm25","unit_of_meas":"ug/m3","val_tpl":"{{ value_json.a | float(0) }}","dev":{"ids":"a"}}',
    ),
    "json": ("vendor/1", b'{"device":"a","time":"2026-03-02T08:15:31Z","a":{"b":12.5},"temperature":70}'),
    "ngsi_ld": (
        "ngsi",
        b'{"data":[{"id":"urn:ngsi-ld:AirQualityObserved:a","type":"AirQualityObserved","dateObserved":"2026-03-02T08:15:31Z","pm25":{"value":12.5,"unitCode":"GQ","observedAt":"2026-03-02T08:15:31Z"},"location":{"type":"Point","coordinates":[127.1,35.8]}}]}',
    ),
    "onem2m": (
        "/oneM2M/req/a/b/json",
        b'{"op":5,"rqi":"r","pc":{"m2m:sgn":{"sur":"/c/a/b/c/s","nev":{"rep":{"m2m:cin":{"ct":"20260302T081531","con":"{\\"pm25\\":12.5}"}}}}}}',
    ),
    "sensor_community": (
        "airrohr",
        b'{"esp8266id":"1","sensordatavalues":[{"value_type":"SDS_P2","value":"12.5"},{"value_type":"BME280_pressure","value":"100000"}]}',
    ),
    "sensorthings": (
        "v1.1/Datastreams(1)/Observations",
        b'{"result":12.5,"phenomenonTime":"2026-03-02T08:15:31Z","Datastream":{"unitOfMeasurement":{"symbol":"ug/m3"},"ObservedProperty":{"name":"PM2.5"},"Thing":{"name":"a","Locations":[{"location":{"type":"Point","coordinates":[127.1,35.8]}}]}}}',
    ),
    "tasmota": (
        "tele/a/SENSOR",
        b'{"Time":"2026-03-02T17:15:31","SEN5X":{"PM2.5":12.5,"VOC":100},"BME280":{"Temperature":21.4},"TempUnit":"C"}',
    ),
    "thingsboard": (
        "v1/gateway/telemetry",
        b'{"a":[{"ts":1772439331000,"values":{"pm25":12.5,"x":1}}],"b":[{"pm25":"13"}]}',
    ),
    "tts": (
        "v3/a/devices/b/up",
        b'{"end_device_ids":{"device_id":"b","dev_eui":"70B3D5499C52F0AA"},"received_at":"2026-03-02T08:15:31Z","uplink_message":{"decoded_payload":{"pm25":12.5},"rx_metadata":[{"rssi":-90}],"locations":{"user":{"latitude":35.8,"longitude":127.1}}}}',
    ),
    "zigbee2mqtt": (
        "zigbee2mqtt/a",
        b'{"temperature":21.4,"voltage":3000,"last_seen":"2026-03-02T08:15:31Z","pm25":12}',
    ),
}


class Case(NamedTuple):
    """Topics and payloads, in order of arrival."""

    wire_format: str
    messages: tuple[tuple[str, bytes], ...]

    @property
    def name(self) -> str:
        """A name that is its content's alone."""
        return f"{self.wire_format}-{hashlib.blake2b(self.to_json(), digest_size=5).hexdigest()}"

    def to_json(self) -> bytes:
        """Return the file of a case."""
        messages = [[topic, base64.b85encode(payload).decode()] for topic, payload in self.messages]
        return json.dumps({"format": self.wire_format, "messages": messages}, ensure_ascii=False).encode(
            errors="surrogatepass"
        )

    @classmethod
    def from_json(cls, content: bytes) -> "Case":
        """Return the case of a file."""
        read = json.loads(content.decode(errors="surrogatepass"))
        return cls(read["format"], tuple((topic, base64.b85decode(text)) for topic, text in read["messages"]))


@cache
def site_of(wire_format: str, *, is_mapped: bool) -> Site:
    """Return a site whose one gateway has this format, on every topic."""
    if wire_format == NATIVE:
        return load_site("jeonju")
    settings = {"device": "fixed", "timezone": "Asia/Seoul", "mapping": _MAPPING} if is_mapped else {}
    gateway = Gateway.model_validate({"topic": "#", "format": wire_format, **settings})
    return load_site("jeonju").model_copy(update={"gateways": [gateway]})


def run(case: Case) -> str:
    """Take the messages as ingest does, and return what came of them in a few words; raises for what must not be."""
    words = []
    for is_mapped in (False, True):
        # On a clock that stands: how fast the machine is says nothing of the messages.
        pipeline = Pipeline(site_of(case.wire_format, is_mapped=is_mapped), clock=lambda: 0.0)
        for number, (topic, payload) in enumerate(case.messages):
            commit = pipeline.commit([Message(topic, payload, NOW + timedelta(seconds=number), number % 3 == 2)])
            assert commit.readings.schema.equals(READINGS)
            for row in commit.readings.to_pylist():
                assert row["device"]
                assert len(row["extra"] or "") <= LONGEST_EXTRA, "extra"
                assert len(row["quality"] or "") <= LONGEST_QUALITY, "quality"
                assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
            for letter in commit.dead_letters:
                assert 0 < len(letter.reason) <= LONGEST_LETTER_TEXT
                assert len(letter.payload) <= LONGEST_LETTER_BYTES
                assert "\n" not in letter.reason.strip(), "reason of several lines"
            words.append(f"{min(commit.readings.num_rows, 3)}/{min(len(commit.dead_letters), 3)}/{len(commit.devices)}")
    return " ".join(words)


def decode(case: Case) -> None:
    """Only decode the messages, which takes a tenth of the time; raises for what must not be."""
    for is_mapped in (False, True):
        router = Router(site_of(case.wire_format, is_mapped=is_mapped).gateways)
        for number, (topic, payload) in enumerate(case.messages):
            message = Message(topic, payload, NOW + timedelta(seconds=number), number % 3 == 2)
            with suppress(RejectedError):
                decoding = router.route(topic).decode(message)
                assert all(reading.device for reading in decoding.readings)


def kept() -> list[Case]:
    """Return the corpus of the project."""
    return [Case.from_json(path.read_bytes()) for path in sorted(CORPUS.glob("*.json"))]


def examples() -> Iterator[Case]:
    """Yield the cases of the decoders, of their READMEs' features each."""
    for path in sorted(DECODERS.glob("*/cases/*/case.json")):
        read = json.loads(path.read_text())
        messages = tuple((each["topic"], (path.parent / each["file"]).read_bytes()) for each in read["messages"])
        yield Case(read["format"], messages)
    for wire_format, (topic, payload) in _PLAIN.items():
        yield Case(wire_format, ((topic, payload),))
