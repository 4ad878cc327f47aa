"""Sparkplug B (Eclipse, specification 3.0): births, data, deaths, aliases. See README.md beside this file."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway, Mapping
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding, DeviceUpdate
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b.births import MOST_NAMES, Born, Definition, Learner
from jeonju.decoders.sparkplug_b.metrics import Reader
from jeonju.decoders.sparkplug_b.parsing import parse
from jeonju.decoders.sparkplug_b.payload import Metric, Payload

NAMESPACE: Final = "spBv1.0"
STATE: Final = "STATE"
BIRTHS, DATA, DEATHS = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA"), ("NDEATH", "DDEATH")
COMMANDS: Final = ("NCMD", "DCMD")
MOST_NODES: Final = 10_000
# Names and aliases of all edge nodes.
MOST_NAMES_IN_ALL: Final = 1_000_000
# An edge node is asked again only after it had time to answer.
ASK_AGAIN_AFTER: Final = timedelta(seconds=10)
_BOOLEAN: Final = 11
BD_SEQ: Final = "bdSeq"


@dataclass
class Node:
    """What is known of an edge node since its birth."""

    bd_seq: int | None = None
    seq: int | None = None
    devices: dict[str, Born] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    # Names, aliases and devices.
    size: int = 0


class SparkplugB:
    """Follows the edge nodes of one host: aliases hold from a birth to the next, and a gap in `seq` asks for a rebirth."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._asked: dict[str, datetime] = {}
        self._held = 0
        self._mapping: list[Mapping] = []
        self._entries: dict[str, Mapping] = {}

    def __call__(self, message: Message, gateway: Gateway) -> Decoding:
        """Return what a message says; raises RejectedError for wrong protobuf and for an alias that no birth has named."""
        levels = message.levels
        if levels[0] == STATE or levels[:2] == [NAMESPACE, STATE]:
            return Decoding(nothing="state")
        if len(levels) not in (4, 5) or levels[0] != NAMESPACE or not all(levels):
            raise RejectedError("the topic is not spBv1.0/{group}/{type}/{node}[/{device}]")
        group, kind, node_name, device = levels[1], levels[2], levels[3], levels[4] if len(levels) == 5 else ""
        if kind in COMMANDS:
            return Decoding(nothing="command")
        if kind not in BIRTHS + DATA + DEATHS:
            return Decoding(nothing="other-type")
        if bool(device) != kind.startswith("D"):
            raise RejectedError(f"is a {kind} {'with' if device else 'without'} a device in its topic")
        if self._mapping is not gateway.mapping:
            self._mapping = gateway.mapping
            self._entries = {entry.pointer[1:].replace("~1", "/"): entry for entry in gateway.mapping}
        node = f"{group}/{node_name}"
        name = f"{node}/{device}" if device else node
        payload = parse(message.payload)
        if kind in DATA:
            return self._data(node, name, device, payload, message.received_at)
        if kind in BIRTHS:
            return self._birth(node, name, device, payload, message.received_at)
        return self._death(node, name, device, payload, message.received_at)

    def _birth(self, node: str, name: str, device: str, payload: Payload, now: datetime) -> Decoding:
        before = self._nodes.get(node)
        if before is None and len(self._nodes) >= MOST_NODES:
            raise RejectedError(f"more than {MOST_NODES} edge nodes; this one is new")
        known = (before or Node()) if device else Node(bd_seq=_bd_seq(payload))
        learner = Learner(self._entries, dict(known.definitions))
        born, earlier = learner.learn(payload), before.devices.get(device) if before is not None else None
        self._remember(node, known, device, born)
        if not device:
            known.definitions = learner.definitions
        has_gap = bool(device) and (before is None or self._has_gap(known, payload))
        known.seq = payload.seq if payload.HasField("seq") else known.seq
        answers = self._ask_for_rebirth(node, now) if has_gap else []
        reader = Reader(name, payload, born, self._entries)
        here = dict.fromkeys(born.devices(name), "online")
        # An instance may be a device of its own no longer.
        gone = dict.fromkeys(earlier.devices(name) if earlier is not None else (), "offline")
        updates = [DeviceUpdate(member, state) for member, state in (gone | here).items()]
        return reader.read().decoding(updates=updates, answers=answers)

    def _remember(self, node: str, known: Node, device: str, born: Born) -> None:
        """Keep a birth, in the place of an earlier one; raises RejectedError where there is no room for it."""
        size = known.size + born.size - (known.devices[device].size if device in known.devices else 0)
        if size > MOST_NAMES:
            raise RejectedError(f"more than {MOST_NAMES} names and aliases of one edge node")
        before = self._nodes.get(node)
        held = self._held - (before.size if before is not None else 0) + size
        if held > MOST_NAMES_IN_ALL:
            raise RejectedError(f"more than {MOST_NAMES_IN_ALL} names and aliases of all edge nodes")
        known.devices[device], known.size = born, size
        self._nodes[node], self._held = known, held

    def _data(self, node: str, name: str, device: str, payload: Payload, now: datetime) -> Decoding:
        known = self._nodes.get(node)
        born = known.devices.get(device) if known is not None else None
        has_gap = known is None or self._has_gap(known, payload)
        reader = Reader(name, payload, born, self._entries)
        gathered, unnamed = reader.read(), reader.unnamed
        asks = has_gap or born is None or unnamed is not None or bool(reader.strange)
        answers = self._ask_for_rebirth(node, now) if asks else []
        # After a birth what has a name is kept, beside metrics without one.
        if unnamed is not None and (born is None or not gathered):
            what = (
                f"has the alias {unnamed}, which no birth has named" if unnamed >= 0 else "has a metric without a name"
            )
            raise AnsweredRejectionError(f"{what}; {node} is asked to be born again", answers)
        return gathered.decoding(answers=answers)

    def _ask_for_rebirth(self, node: str, now: datetime) -> list[tuple[str, bytes]]:
        if (last := self._asked.get(node)) is not None and now - last < ASK_AGAIN_AFTER:
            return []
        if len(self._asked) >= MOST_NODES:
            self._asked.clear()
        self._asked[node] = now
        return [_rebirth(node, now)]

    def _death(self, node: str, name: str, device: str, payload: Payload, now: datetime) -> Decoding:
        known = self._nodes.get(node)
        if device:
            return self._death_of_device(known, node, name, device, payload, now)
        if known is None:
            return Decoding(nothing="death-of-unknown-session")
        # The will of an older connection must not end the present one.
        if known.bd_seq != _bd_seq(payload, known.devices.get("")):
            return Decoding(nothing="death-of-older-session")
        del self._nodes[node]
        self._held -= known.size
        gone = [
            member for own, born in known.devices.items() for member in born.devices(f"{name}/{own}" if own else name)
        ]
        # A device may have been born before its edge node.
        return Decoding(updates=[DeviceUpdate(member, "offline") for member in dict.fromkeys([name, *gone])])

    def _death_of_device(
        self, known: Node | None, node: str, name: str, device: str, payload: Payload, now: datetime
    ) -> Decoding:
        if known is None:
            return Decoding(updates=[DeviceUpdate(name, "offline")])
        answers = self._ask_for_rebirth(node, now) if self._has_gap(known, payload) else []
        gone = [name]
        if (born := known.devices.pop(device, None)) is not None:
            known.size -= born.size
            self._held -= born.size
            gone = born.devices(name)
        return Decoding(updates=[DeviceUpdate(member, "offline") for member in gone], answers=answers)

    @staticmethod
    def _has_gap(node: Node, payload: Payload) -> bool:
        if not payload.HasField("seq"):
            return False
        expected = None if node.seq is None else (node.seq + 1) % 256
        # Some devices send the same number again.
        gap = expected is not None and payload.seq not in (expected, node.seq)
        node.seq = payload.seq
        return gap


def _bd_seq(payload: Payload, born: Born | None = None) -> int | None:
    """Return the number of the session; some nodes call it by its alias in a death."""
    names = (metric.name or (_named_at_birth(metric, born) if born is not None else "") for metric in payload.metrics)
    return next(
        (
            int(metric.long_value or metric.int_value)
            for metric, name in zip(payload.metrics, names, strict=True)
            if name == BD_SEQ
        ),
        None,
    )


def _named_at_birth(metric: Metric, born: Born) -> str:
    known = born.find(metric, "")
    return known.name if known is not None else ""


def _rebirth(node: str, now: datetime) -> tuple[str, bytes]:
    """Return the command with which a host asks an edge node to be born again. Hosts that follow the specification want its time."""
    group, name = node.split("/")
    since_1970_ms = int(now.astimezone(UTC).timestamp() * 1000)
    command = Payload(timestamp=since_1970_ms)
    command.metrics.add(name="Node Control/Rebirth", timestamp=since_1970_ms, datatype=_BOOLEAN, boolean_value=True)
    return f"{NAMESPACE}/{group}/NCMD/{name}", command.SerializeToString()
