"""Valid messages at random: Sparkplug B, SenML in CBOR, VDA 5050, line protocol, our own JSON."""

import json
import random
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import cbor2

from jeonju.decoders.sparkplug_b.compression import UUID
from jeonju.decoders.sparkplug_b.payload import Metric, Payload
from tests.decoders.fuzz.cases import Case

T0_MS: Final = 1_772_439_331_000
NAMES: Final = ("pm25", "temperature", "humidity", "pm2.5", "co2", "latitude", "longitude", "satellites", "x/y", "a b", "값", "", "bdSeq", "Node Control/Rebirth")  # fmt: skip
UNITS: Final = ("ug/m3", "Cel", "%RH", "lat", "lon", "°F", "ppb", "hPa", "nonsense", "")
NUMBERS: Final = (0, 1, -1, 0.5, 35.5, -999, 65535, 2**31, -(2**63), 2**63, 2**64 - 1, 1e308, 5e-324, -0.0)
TIMES: Final = (0, 1, -1, T0_MS, T0_MS // 1000, T0_MS * 1000, T0_MS * 10**6, 2**63, 2**64 - 1, 1e30)
TEXTS: Final = ("", "23,5", "1,016", "59.9 °F", "nan", "-", "null", "2026-03-02T08:15:31Z", "Mon Feb 14 08:27:06 UTC 2022", "2024-09-13 24:00", "\x00", "😀", "x" * 300)  # fmt: skip
Random = random.Random


def sparkplug(dice: Random) -> Case:
    """A session: births, data by alias, devices, deaths, now and then in a wrong order or compressed."""
    kinds = ["NBIRTH", *dice.choices(["NDATA", "DBIRTH", "DDATA", "NBIRTH", "DDEATH", "NDEATH"], k=dice.randint(0, 4))]
    if dice.random() < 0.2:
        dice.shuffle(kinds)
    messages = []
    for number, kind in enumerate(kinds):
        payload = Payload(seq=number, timestamp=_time(dice))
        if kind in ("NBIRTH", "NDEATH"):
            payload.metrics.add(name="bdSeq", datatype=4, long_value=dice.choice((0, 0, 1)))
        for _ in range(dice.randint(0, 4)):
            _fill_metric(payload.metrics.add(), dice, 0, is_named="BIRTH" in kind or dice.random() < 0.3)
        data = payload.SerializeToString()
        if dice.random() < 0.15:
            envelope = Payload(uuid=UUID, seq=number, body=zlib.compress(data))
            if dice.random() < 0.5:
                envelope.metrics.add(name="algorithm", datatype=12, string_value=dice.choice(("GZIP", "DEFLATE", "x")))
            data = envelope.SerializeToString()
        messages.append((f"spBv1.0/g/{kind}/n" + ("/d" if kind.startswith("D") else ""), data))
    return Case("sparkplug_b", tuple(messages))


def _fill_metric(metric: Metric, dice: Random, depth: int, *, is_named: bool) -> None:
    if is_named:
        metric.name = dice.choice(NAMES)
    if not is_named or dice.random() < 0.7:
        metric.alias = dice.randint(0, 5)
    metric.datatype = dice.randint(0, 36)
    if dice.random() < 0.4:
        metric.timestamp = _time(dice)
    metric.is_historical, metric.is_null = dice.random() < 0.1, dice.random() < 0.05
    if dice.random() < 0.3:
        _fill_properties(metric, dice)
    _fill_value(metric, dice, depth)


def _fill_properties(metric: Metric, dice: Random) -> None:
    for key in dice.sample(("engUnit", "Quality", "quality", "unit", "x"), k=2):
        value = metric.properties.values.add()
        metric.properties.keys.append(key)
        if dice.random() < 0.5:
            value.string_value = dice.choice((*UNITS, "Bad_Stale", "192"))
        else:
            value.int_value = dice.choice((0, 64, 192, 500, 2**31, 2**32 - 1))


def _fill_value(metric: Metric, dice: Random, depth: int) -> None:
    kind = dice.choice(("int", "long", "float", "double", "boolean", "string", "bytes", "template", "template"))
    if kind == "template" and depth < 4:
        template = metric.template_value
        template.is_definition, template.template_ref = dice.random() < 0.3, dice.choice(NAMES)
        for _ in range(dice.randint(0, 3)):
            _fill_metric(template.metrics.add(), dice, depth + 1, is_named=dice.random() < 0.8)
    elif kind in ("int", "long"):
        setattr(metric, f"{kind}_value", int(dice.choice(NUMBERS[:8])) & 0xFFFFFFFF)
    elif kind in ("float", "double"):
        setattr(metric, f"{kind}_value", float(dice.choice(NUMBERS)))
    elif kind == "boolean":
        metric.boolean_value = dice.random() < 0.5
    elif kind == "string":
        metric.string_value = dice.choice(TEXTS)
    else:
        metric.bytes_value = dice.randbytes(dice.randint(0, 80))


def _time(dice: Random) -> int:
    return int(dice.choice(TIMES)) % 2**64


def senml(dice: Random) -> Case:
    """A pack in CBOR or JSON, with base fields that hold for what follows."""
    is_cbor = dice.random() < 0.7
    labels: Any = (-1, -2, -3, -4, -5, -6, 0, 1, 2, 3, 4, 5, 6, 7, 8) if is_cbor else ("bver", "bn", "bt", "bu", "bv", "bs", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd")  # fmt: skip
    pack = [_record(dice, labels, is_cbor=is_cbor) for _ in range(dice.randint(1, 5))]
    if not is_cbor:
        return Case("senml", (("senml/1", json.dumps(pack).encode()),))
    if dice.random() < 0.2:
        pack.append(pack[0])
    return Case("senml", (("senml/1", cbor2.dumps(pack, value_sharing=dice.random() < 0.2)),))


def _record(dice: Random, labels: Any, *, is_cbor: bool) -> dict[Any, Any]:
    record: dict[Any, Any] = {}
    for at in dice.sample(range(len(labels)), k=dice.randint(1, 6)):
        value: Any = dice.choice((*NUMBERS, *TIMES))
        if at in (1, 6):
            value = dice.choice(("urn:dev:a:", "a/", "", ":", "roof/pm25", *NAMES))
        elif at in (3, 7):
            value = dice.choice(UNITS)
        elif at in (9, 14) or dice.random() < 0.1:
            value = dice.choice(TEXTS)
        elif at == 0:
            value = dice.choice((5, 10, 26, 27))
        elif is_cbor and dice.random() < 0.2:
            value = dice.choice((Decimal("1.5"), Decimal("NaN"), b"x", cbor2.CBORTag(99, 1), 2**200, None, [1]))
        record[labels[at]] = value
    return record


def vda5050(dice: Random) -> Case:
    """States, connections and visualizations of a robot, by its topic or another's."""
    messages = []
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(("state", "connection", "visualization", "order", "factsheet"))
        content: dict[str, Any] = {
            "headerId": dice.choice(NUMBERS),
            "timestamp": dice.choice((*TIMES, *TEXTS)),
            "manufacturer": dice.choice(("KIT", "KIT", "other", "", 1)),
            "serialNumber": dice.choice(("1", "1", "", None)),
        }
        if kind == "connection":
            content["connectionState"] = dice.choice(("ONLINE", "OFFLINE", "CONNECTIONBROKEN", "x", None, 1))
        else:
            content["powerSupply"] = {
                "stateOfCharge": dice.choice((*NUMBERS, *TEXTS)),
                "batteryVoltage": dice.choice(NUMBERS),
            }
            content["batteryState"] = dice.choice(({"batteryCharge": dice.choice(NUMBERS)}, None, [], "x"))
            content["velocity"] = dice.choice(({"vx": dice.choice(NUMBERS), "vy": dice.choice(TEXTS)}, None, 1))
            content["nodeStates"] = [{"nodeId": name} for name in NAMES[: dice.randint(0, 5)]]
        topic = dice.choice((f"vda5050/v3/KIT/1/{kind}", f"robots/{kind}", kind))
        messages.append((topic, json.dumps(content).encode()))
    return Case("vda5050", tuple(messages))


def line_protocol(dice: Random) -> Case:
    """Points with tags, fields of all types, escapes, quotes over several lines, and times."""
    lines = []
    for _ in range(dice.randint(1, 5)):
        name = dice.choice(("air", "pm25", r"a\ b", r"a\,b", "#", "값"))
        tags = "".join(f",{_escaped(dice)}={_escaped(dice)}" for _ in range(dice.randint(0, 2)))
        device = dice.choice((",device=a", ",host=b", ""))
        fields = ",".join(f"{_escaped(dice)}={_field(dice)}" for _ in range(dice.randint(1, 3)))
        at = dice.choice(("", f" {dice.choice(TIMES)}", " -1", f" {2**70}"))
        lines.append(f"{name}{device}{tags} {fields}{at}")
    text = dice.choice(("\n", "\r\n", "\n\n")).join(lines)
    return Case("line_protocol", (("telegraf/air", text.encode(errors="surrogateescape")),))


def _escaped(dice: Random) -> str:
    return dice.choice(
        ("pm25", "temperature", "value", r"a\=b", r"c\ d", r"e\,f", "g\\", "\\\\", "latitude", "값", "t")
    )


def _field(dice: Random) -> str:
    return dice.choice(("1", "1.5", "-2e3", "3i", "4u", "-5u", f"{2**63}i", "t", "False", "nan", '"text"', '"a\\"b"', '"two\nlines"', '"\\\\"', '"', "", "1.2.3"))  # fmt: skip


def native(dice: Random) -> Case:
    """Readings, statuses and adoptions, of the topic's device mostly."""
    messages = []
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(("readings", "readings", "status", "adopt"))
        parts = [
            {
                "device": dice.choice(("a", "a", "a", "b", "")),
                "seq": dice.choice(NUMBERS),
                "time": dice.choice((*TEXTS, *TIMES)),
                "position": dice.choice(([35.8, 127.1], [0, 0], [91, 1], [1], None, "x")),
                "values": {name: dice.choice((*NUMBERS, *TEXTS)) for name in dice.sample(NAMES, k=3)},
                "status": {"battery": dice.choice(NUMBERS)},
            }
            for _ in range(dice.randint(1, 3))
        ]
        body: Any = dice.choice((parts, parts[0]))
        if kind != "readings":
            body = {"state": dice.choice(("online", "offline", *TEXTS)), "kind": "station", "zone": "palbok"}
        messages.append((f"air/v1/jeonju/a/{kind}", json.dumps(body).encode()))
    return Case("native", tuple(messages))


GENERATORS: Final[dict[str, Callable[[Random], Case]]] = {
    "sparkplug_b": sparkplug,
    "senml": senml,
    "vda5050": vda5050,
    "line_protocol": line_protocol,
    "native": native,
}
