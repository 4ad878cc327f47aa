"""The folder of a sweep: its plan, and a file for every finished run. What was killed goes on where it stopped."""

import json
import os
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.common.errors import UserError
from jeonju.evaluation.sweep.play import Outcome, Setup

PLAN: Final = "plan.json"
RUNS: Final = "runs"
_ROW: Final = b"run"


class SweepFolder:
    """The files of one sweep under `path`.

    Raises UserError where it cannot be written, or holds the runs of another sweep.
    """

    def __init__(self, path: Path, setup: Setup) -> None:
        self.path = path
        self._runs = path / RUNS
        plan = _plan(setup)
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            if (path / PLAN).exists():
                self._compare(json.loads((path / PLAN).read_text(encoding="utf-8")), plan)
            else:
                _write(path / PLAN, json.dumps(plan, ensure_ascii=False, indent=2).encode())
            # What was being written when a sweep was killed.
            for partial in self._runs.glob("*.partial"):
                partial.unlink()
        except (OSError, ValueError) as error:
            raise UserError(f"cannot use {path} for a sweep ({error}); choose another --out") from error

    def _compare(self, known: dict[str, Any], plan: dict[str, Any]) -> None:
        if different := [key for key in plan if known.get(key) != plan[key]]:
            raise UserError(
                f"{self.path} holds another sweep ({', '.join(different)} differs); choose another --out, or give the same options to go on with it"
            )

    def finished(self) -> set[int]:
        """Return the numbers of the runs that are there."""
        return {int(file.stem) for file in self._runs.glob("*.parquet")}

    def keep(self, outcome: Outcome) -> None:
        """Write one run; a file is either whole or not there. Raises UserError where there is no room."""
        minutes, devices = outcome.pm25.shape
        table = pa.table(
            {
                "minute": np.repeat(np.arange(minutes, dtype=np.int32), devices),
                "device": pa.DictionaryArray.from_arrays(
                    np.tile(np.arange(devices, dtype=np.int32), minutes), list(outcome.devices)
                ),
                "pm25_ug_m3": pa.array(outcome.pm25.ravel(), from_pandas=True),
            }
        )
        said = json.dumps({**outcome.row, "affected_after_s": outcome.affected_after_s}).encode()
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({_ROW: said}), sink, compression="zstd")
        try:
            _write(self._runs / f"{outcome.run:06}.parquet", sink.getvalue().to_pybytes())
        except OSError as error:
            raise UserError(
                f"cannot write to {self._runs} ({error.strerror}); make room; the same command goes on with the {len(self.finished())} that are there"
            ) from error

    def rows(self, runs: Iterable[int]) -> list[dict[str, Any]]:
        """Return the rows of these runs, with `affected_after_s` of every device."""
        return [json.loads(pq.read_schema(self._file(run)).metadata[_ROW]) for run in runs]

    def pm25(self, runs: Iterable[int]) -> Iterator[tuple[list[str], Any]]:
        """Yield the devices and the minute means of PM2.5 (minutes, devices) of each run."""
        for run in runs:
            table = pq.read_table(self._file(run))
            names = table["device"].chunk(0).dictionary.to_pylist()
            yield names, table["pm25_ug_m3"].to_numpy().reshape(-1, len(names))

    def _file(self, run: int) -> Path:
        return self._runs / f"{run:06}.parquet"


def _plan(setup: Setup) -> dict[str, Any]:
    """Return what must be the same for runs to be of one sweep."""
    return {
        "version": version("jeonju-air"),
        "scenario": setup.scenario.model_dump(mode="json"),
        "site": setup.site.model_dump(mode="json"),
        "vary": [{**vars(variation), "choices": list(variation.choices)} for variation in setup.variations],
        "seed": setup.seed,
        "nature": setup.nature,
    }


def _write(file: Path, content: bytes) -> None:
    partial = file.with_suffix(".partial")
    try:
        with partial.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
