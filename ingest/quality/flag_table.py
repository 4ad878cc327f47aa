"""The flags of one batch: equal flags and equal combinations of them are held once, because humid air flags most readings alike."""

from typing import Final

import numpy as np
import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.quality import POSITION, TIME, Flag, encode_flags, worse
from jeonju.ingest.quality.batch_rows import Bools, Integers
from jeonju.ingest.quality.flags import Finding

_OK: Final = Flag("ok", ())
_OUR_KEYS: Final = frozenset((*QUANTITY, TIME, POSITION))


class FlagTable:
    """For every key of ours which flag each row has; names that senders make up are kept by row, since there may be any number of them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._flags = [_OK]
        self._numbers = {_OK: 0}
        self._of_key: dict[str, Integers] = {}
        self._foreign: dict[int, dict[str, Flag]] = {}

    def put(self, finding: Finding) -> None:
        """Add what a rule or a sender says; see `worse` for values that have a flag already."""
        if finding.key not in _OUR_KEYS:
            for row in finding.rows.tolist():
                known = self._foreign.setdefault(row, {})
                known[finding.key] = worse(known.get(finding.key, _OK), finding.flags[0])
            return
        column = self._of_key.setdefault(finding.key, np.zeros(self._rows, dtype=np.int64))
        new = np.array([self._number(flag) for flag in finding.flags])[finding.which]
        pairs, which = _distinct(column[finding.rows] * len(self._flags) + new)
        olds, news = np.divmod(pairs, len(self._flags))
        worst = [
            self._number(worse(self._flags[old], self._flags[new]))
            for old, new in zip(olds.tolist(), news.tolist(), strict=True)
        ]
        column[finding.rows] = np.array(worst, dtype=np.int64)[which]

    def bad(self, key: str) -> Bools:
        """Tell which values of a quantity are known to be bad."""
        if key not in self._of_key:
            return np.zeros(self._rows, dtype=np.bool_)
        return np.array([flag.severity == "bad" for flag in self._flags])[self._of_key[key]]

    def texts(self) -> pa.Array:
        """Return for every row its flags as a JSON object, null where it has none."""
        combination = np.zeros(self._rows, dtype=np.int64)
        for column in self._of_key.values():
            _, combination = _distinct(combination * len(self._flags) + column)
        _, examples = np.unique(combination, return_index=True)
        texts = pa.array([_text(self._of_row(row)) for row in examples.tolist()], pa.string()).take(
            pa.array(combination)
        )
        if not self._foreign:
            return texts
        all_texts = texts.to_pylist()
        for row, flags in self._foreign.items():
            all_texts[row] = _text(self._of_row(row) | flags)
        return pa.array(all_texts, pa.string())

    def _of_row(self, row: int) -> dict[str, Flag]:
        return {key: self._flags[column[row]] for key, column in self._of_key.items() if column[row]}

    def _number(self, flag: Flag) -> int:
        number = self._numbers.setdefault(flag, len(self._flags))
        if number == len(self._flags):
            self._flags.append(flag)
        return number


def _text(flags: dict[str, Flag]) -> str | None:
    return encode_flags(flags) if flags else None


def _distinct(numbers: Integers) -> tuple[Integers, Integers]:
    """Return the different numbers in order of appearance, and for each number which of them it is; by hash, many times faster than by order."""
    encoded = pa.array(numbers).dictionary_encode()
    return encoded.dictionary.to_numpy(), encoded.indices.to_numpy().astype(np.int64)
