"""Reads the metrics of one message: values, times, units, qualities, and the members of template instances."""

from collections.abc import Iterator
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import PLACE_KEYS, Mapping
from jeonju.contract.quality import Flag, worse
from jeonju.decoders.budget import spend
from jeonju.decoders.gathered import Gathered, says_no_fix
from jeonju.decoders.numbers import is_absent, read_amount
from jeonju.decoders.sparkplug_b.births import DEEPEST, TEMPLATE, Born, Entries, Known, entry_of, is_definition
from jeonju.decoders.sparkplug_b.parsing import MOST_METRICS
from jeonju.decoders.sparkplug_b.payload import Metric, Payload
from jeonju.decoders.sparkplug_b.properties import quality_of, unit_of
from jeonju.decoders.times import UnreadTime, When, from_epoch

_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
# Datatypes that are no number, as the specification calls them; 22 to 34 are arrays.
_OPAQUE: Final = {16: "DataSet", 17: "Bytes", 18: "File", 19: "Template"}
_ARRAYS: Final = range(22, 35)
_LARGEST_SHOWN_BYTES: Final = 64
# Numbers below zero, as they travel in unsigned fields.
_FIRST_NEGATIVE: Final = 1 << 63
_HISTORICAL_WITHOUT_TIME: Final = UnreadTime("is_historical, without a timestamp")


class Reader:
    """Gathers what one message says. `name` is the device of the topic, `born` its birth, None where there was none."""

    def __init__(self, name: str, payload: Payload, born: Born | None, entries: Entries) -> None:
        self.gathered = Gathered()
        # An alias that no birth has named, -1 for a metric with neither name nor alias.
        self.unnamed: int | None = None
        # Instances that no birth has named.
        self.strange: list[str] = []
        self._name, self._payload, self._entries = name, payload, entries
        self._born = born or Born()
        self._sent = _given(payload.timestamp)
        self._count = self._too_deep = 0
        self._times: dict[int, When] = {0: None}
        self._places: dict[tuple[str, When], None] = {}
        self._no_places: dict[tuple[str, When], None] = {}
        self._beside: dict[str, dict[str, Any]] = {}

    def read(self) -> Gathered:
        """Return what all metrics say."""
        for metric in self._payload.metrics:
            self._read(metric, "", self._sent, None, 0)
        for place in self._places:
            if place in self._no_places or says_no_fix(self._beside.get(place[0], {})):
                self.gathered.put_no_fix(*place)
        for reason in self._unread():
            self.gathered.reject(reason, self._payload.SerializeToString)
        return self.gathered

    def _unread(self) -> Iterator[str]:
        if self.strange:
            yield f"holds template instances that no birth has named: {len(self.strange)}, the first is {self.strange[0][:80]!r}"
        if self._too_deep:
            yield f"holds templates more than {DEEPEST} deep in one another: {self._too_deep}"

    def _read(self, metric: Metric, group: str, sent: int, flag: Flag | None, depth: int) -> None:
        """Read one metric. `sent` is the timestamp of what it is part of, negative where a value of the past has none; `flag` the quality of that."""
        spend()
        known = self._born.find(metric, group)
        if known is None:
            if metric.WhichOneof("value") != TEMPLATE or not is_definition(metric):
                self.unnamed = metric.alias if metric.HasField("alias") else -1
            return
        if known.control or metric.is_null:
            return
        if own := _given(metric.timestamp):
            sent = own
        elif metric.is_historical and sent == self._sent:
            # The time of sending is not that of a value of the past.
            sent = -1
        if metric.HasField("properties"):
            known.unit = unit_of(metric) or known.unit
            if (said := quality_of(metric)) is not None:
                flag = said if flag is None else worse(flag, said)
        which = metric.WhichOneof("value")
        if which == TEMPLATE:
            self._read_template(metric, known, sent, flag, depth)
        elif which is not None:
            self._put(known, _value(metric, which, metric.datatype or known.datatype), self._at(sent), flag)

    def _read_template(self, metric: Metric, known: Known, sent: int, flag: Flag | None, depth: int) -> None:
        template = metric.template_value
        if template.is_definition:
            return
        if depth >= DEEPEST:
            self._too_deep += 1
            return
        if known.label not in self._born.groups:
            # Without a birth it is not sure whether the instance is a device of its own.
            self.strange.append(known.label)
            return
        self._count += len(template.metrics)
        if self._count > MOST_METRICS:
            raise RejectedError(f"has more than {MOST_METRICS} members of templates")
        for member in template.metrics:
            if not isinstance(member.name, str):
                raise RejectedError("has a metric whose name is not UTF-8")
            self._read(member, known.label, sent, flag, depth + 1)

    def _at(self, sent: int) -> When:
        if sent < 0:
            return _HISTORICAL_WITHOUT_TIME
        at = self._times.get(sent)
        if at is None and sent:
            at = self._times[sent] = from_epoch(sent)
        return at

    def _put(self, known: Known, value: Any, at: When, flag: Flag | None) -> None:
        born = self._born
        device = self._name if not known.group else born.device(self._name, known.group)
        if self._entries and (entry := entry_of(known, self._entries)) is not None:
            self._put_entry(device, at, entry, value, known.unit, flag)
            key: str | None = entry.key
        elif (key := known.key) is not None:
            self.gathered.put_raw(device, at, key, value, unit=known.unit, flag=flag)
        else:
            self._beside.setdefault(device, {})[known.name] = value
            if not isinstance(value, str) and (amount := read_amount(value)) is not None:
                self.gathered.put(device, at, known.name if born.apart else known.label, amount.value, flag)
        if key in PLACE_KEYS:
            self._places[device, at] = None
            if flag is not None and flag.severity == "bad":
                self._no_places[device, at] = None

    def _put_entry(
        self, device: str, at: When, entry: Mapping, value: Any, unit: str | None, flag: Flag | None
    ) -> None:
        if flag is None or is_absent(value) or read_amount(value) is None:
            self.gathered.put_entry(device, at, entry, value, unit=unit)
        elif entry.scale == 1.0 and entry.offset == 0.0:
            self.gathered.put_raw(device, at, entry.key, value, unit=entry.unit or unit, flag=flag)
        elif (amount := read_amount(value)) is not None:
            self.gathered.put_converted(device, at, entry.key, entry.convert(amount.value), value, flag)


def _given(timestamp: int) -> int:
    """Return a timestamp, 0 for none: so write encoders that know no absent field, or -1."""
    return timestamp if timestamp < _FIRST_NEGATIVE else 0


def _value(metric: Metric, which: str, datatype: int) -> Any:
    """Return a number, a text or a truth value; for anything else what it is, so that it can be kept under a name of ours."""
    value = getattr(metric, which)
    if which == "float_value":
        # A float of 32 bits means the decimal number that was sent: 7.6, not 7.599999904632568.
        return float(f"{value:.7g}")
    if which in ("int_value", "long_value"):
        if (bits := _SIGNED_BITS.get(datatype)) is not None:
            value &= (1 << bits) - 1
            value -= (value >> (bits - 1)) << bits
        return float(value)
    return _described(value, datatype) if isinstance(value, bytes) else value


def _described(value: bytes, datatype: int) -> dict[str, Any]:
    kind = "array" if datatype in _ARRAYS else _OPAQUE.get(datatype, "bytes")
    shown = {"hex": value.hex()} if len(value) <= _LARGEST_SHOWN_BYTES else {}
    return {"datatype": kind, "bytes": len(value), **shown}
