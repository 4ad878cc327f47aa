"""Sparkplug B (Eclipse, specification 3.0): births, data, deaths, aliases. See README.md beside this file."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from google.protobuf.message import DecodeError

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.ingest.decoded import AnsweredRejectionError, Decoding, DeviceUpdate
from jeonju.ingest.decoders.gathered import Gathered
from jeonju.ingest.decoders.sparkplug_b.payload import Metric, Payload
from jeonju.ingest.decoders.times import from_seconds
from jeonju.ingest.message import Message, refuse_too_large

SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
BIRTHS, DATA, DEATHS = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA"), ("NDEATH", "DDEATH")
CONTROL: Final = ("bdSeq", "Node Control/", "Device Control/")
# Names and aliases that the births of an edge node may give in all; a sender that makes them up must not fill the memory.
MOST_NAMES: Final = 100_000
MOST_NODES: Final = 10_000
# An edge node is asked again only after it had time to answer.
ASK_AGAIN_AFTER: Final = timedelta(seconds=10)


@dataclass
class Born:
    """What a birth says of its metrics. Later messages may leave out the name, the datatype or both."""

    names: dict[int, str] = field(default_factory=dict)  # alias → name
    datatypes: dict[str, int] = field(default_factory=dict)  # name → datatype


@dataclass
class Node:
    """What is known of an edge node since its birth."""

    bd_seq: int | None = None
    seq: int | None = None
    devices: dict[str, Born] = field(default_factory=dict)


class SparkplugB:
    """Follows the edge nodes of one host: aliases hold from a birth to the next, and a gap in `seq` asks for a rebirth."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._asked: dict[str, datetime] = {}

    def __call__(self, message: Message, gateway: Gateway) -> Decoding:
        """Return what a message says; raises RejectedError for wrong protobuf and for an alias that no birth has named."""
        levels = message.levels
        if "STATE" in levels[:3]:
            return Decoding()
        if len(levels) not in (4, 5) or levels[0] != "spBv1.0":
            raise RejectedError("the topic is not spBv1.0/{group}/{type}/{node}[/{device}]")
        group, kind, node_name, device = levels[1], levels[2], levels[3], levels[4] if len(levels) == 5 else ""
        node, name = f"{group}/{node_name}", "/".join(part for part in (group, node_name, device) if part)
        if kind not in BIRTHS + DATA + DEATHS:
            return Decoding()
        payload = _parse(message.payload)
        if kind in DEATHS:
            return self._death(node, name, device, payload)
        if kind in BIRTHS:
            return self._birth(node, name, device, payload, gateway)
        return self._data(node, name, device, payload, gateway, message.received_at)

    def _birth(self, node: str, name: str, device: str, payload: Payload, gateway: Gateway) -> Decoding:
        if node not in self._nodes and len(self._nodes) >= MOST_NODES:
            raise RejectedError(f"more than {MOST_NODES} edge nodes; this one is new")
        known = self._nodes.setdefault(node, Node()) if device else Node(bd_seq=_bd_seq(payload))
        self._nodes[node] = known
        born = Born(
            {metric.alias: metric.name for metric in payload.metrics if metric.HasField("alias")},
            {metric.name: metric.datatype for metric in payload.metrics},
        )
        others = (birth for other, birth in known.devices.items() if other != device)
        if sum(len(birth.names) + len(birth.datatypes) for birth in [*others, born]) > MOST_NAMES:
            raise RejectedError(f"more than {MOST_NAMES} names and aliases of one edge node")
        known.devices[device] = born
        known.seq = payload.seq if payload.HasField("seq") else known.seq
        gathered = Gathered()
        self._add(gathered, name, payload, born, gateway)
        return gathered.decoding(updates=[DeviceUpdate(name, "online")])

    def _data(self, node: str, name: str, device: str, payload: Payload, gateway: Gateway, now: datetime) -> Decoding:
        known = self._nodes.get(node)
        born = known.devices.get(device) if known else None
        lost = known is None or born is None or self._has_gap(known, payload)
        gathered = Gathered()
        unnamed = self._add(gathered, name, payload, born or Born(), gateway)
        answers = self._ask_for_rebirth(node, now) if lost or unnamed is not None else []
        # After a birth what has a name is kept, beside metrics without one.
        if unnamed is not None and (born is None or not gathered):
            raise AnsweredRejectionError(
                f"has the alias {unnamed}, which no birth has named; {node} is asked to be born again", answers
            )
        return gathered.decoding(answers=answers)

    def _ask_for_rebirth(self, node: str, now: datetime) -> list[tuple[str, bytes]]:
        if (last := self._asked.get(node)) is not None and now - last < ASK_AGAIN_AFTER:
            return []
        if len(self._asked) >= MOST_NODES:
            self._asked.clear()
        self._asked[node] = now
        return [_rebirth(node)]

    def _death(self, node: str, name: str, device: str, payload: Payload) -> Decoding:
        known = self._nodes.get(node)
        if device:
            if known is not None:
                known.devices.pop(device, None)
            return Decoding(updates=[DeviceUpdate(name, "offline")])
        # The will of an older connection must not end the present one.
        if known is None or known.bd_seq != _bd_seq(payload):
            return Decoding()
        del self._nodes[node]
        gone = [name, *(f"{name}/{own}" for own in known.devices if own)]
        return Decoding(updates=[DeviceUpdate(device, "offline") for device in gone])

    @staticmethod
    def _has_gap(node: Node, payload: Payload) -> bool:
        if not payload.HasField("seq"):
            return False
        expected = None if node.seq is None else (node.seq + 1) % 256
        # Some devices send the same number again.
        gap = expected is not None and payload.seq not in (expected, node.seq)
        node.seq = payload.seq
        return gap

    @staticmethod
    def _add(gathered: Gathered, name: str, payload: Payload, born: Born, gateway: Gateway) -> int | None:
        """Add every metric that has a name; return an alias that has none."""
        mapped = {entry.pointer[1:].replace("~1", "/"): entry for entry in gateway.mapping}
        unnamed = None
        for metric in payload.metrics:
            label = metric.name or (born.names.get(metric.alias) if metric.HasField("alias") else None)
            if not label:
                unnamed = metric.alias
                continue
            if label.startswith(CONTROL) or metric.is_null:
                continue
            value = _value(metric, metric.datatype or born.datatypes.get(label, 0))
            # An encoder that knows no absent field writes 0 for it.
            since_1970_ms = metric.timestamp or payload.timestamp
            at = from_seconds(since_1970_ms / 1000) if since_1970_ms else None
            if (entry := mapped.get(label)) is None:
                gathered.put_named(name, at, {label: value})
            else:
                gathered.put_entry(name, at, entry, value)
        return unnamed


def _parse(data: bytes) -> Payload:
    refuse_too_large(data)
    try:
        payload = Payload.FromString(data)
    except DecodeError as error:
        raise RejectedError("is no Sparkplug B payload: wrong protobuf") from error
    # What is not UTF-8 comes as bytes.
    if not all(isinstance(metric.name, str) for metric in payload.metrics):
        raise RejectedError("has a metric whose name is not UTF-8")
    return payload


def _bd_seq(payload: Payload) -> int | None:
    return next(
        (int(metric.long_value or metric.int_value) for metric in payload.metrics if metric.name == "bdSeq"), None
    )


def _value(metric: Metric, datatype: int) -> float | str | None:
    which: Any = metric.WhichOneof("value")
    if which == "string_value":
        return str(metric.string_value)
    if which in ("float_value", "double_value"):
        value = float(getattr(metric, which))
        # A float of 32 bits means the decimal number that was sent: 7.6, not 7.599999904632568.
        return float(f"{value:.7g}") if which == "float_value" else value
    if which not in ("int_value", "long_value"):
        return None
    value = int(getattr(metric, which))
    bits = SIGNED_BITS.get(datatype)
    if bits is not None:
        value &= (1 << bits) - 1
        value -= (value >> (bits - 1)) << bits
    return float(value)


def _rebirth(node: str) -> tuple[str, bytes]:
    """Return the command with which a host asks an edge node to be born again."""
    group, name = node.split("/")
    command = Payload()
    metric = command.metrics.add()
    metric.name, metric.datatype, metric.boolean_value = "Node Control/Rebirth", 11, True
    return f"spBv1.0/{group}/NCMD/{name}", command.SerializeToString()
