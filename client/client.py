"""The client: one method for each question."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from jeonju.client.answers import Alert, Device, Incident, Reading
from jeonju.client.connection import READ_S, ApiError, Connection
from jeonju.client.events import Event, events
from jeonju.client.readings import Readings

API: Final = "/api/v1"
Format = Literal["csv", "parquet", "netcdf"]
FORMATS: Final[MappingProxyType[str, Format]] = MappingProxyType(
    {".csv": "csv", ".parquet": "parquet", ".nc": "netcdf"}
)
_BYTES_AT_ONCE: Final = 1024 * 1024


class Client:
    """The api at an address, such as `http://127.0.0.1:8000`.

    `key` is one that `jeonju key add` made, `key_file` a file that holds it; without, only an api on this machine without keys answers.
    `ca` is a file of the certificates that a private authority signed with. Every method raises ApiError, in one line, for what the api does not do.
    Instants need a time zone. Safe to use from several threads; as a context manager it is closed at the end.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        key_file: Path | None = None,
        ca: Path | None = None,
    ) -> None:
        self._connection = Connection(url, key, key_file, ca)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._connection.close()

    def site(self) -> dict[str, Any]:
        """Return the city: zones with outlines, stations, robots, known sources."""
        found: dict[str, Any] = self._connection.json(f"{API}/site", dict[str, Any])
        return found

    def quantities(self) -> list[dict[str, Any]]:
        """Return every quantity with its key, names, unit and plausible range."""
        found: list[dict[str, Any]] = self._connection.json(f"{API}/quantities", list[dict[str, Any]])
        return found

    def indexes(self) -> dict[str, Any]:
        """Return the air-quality indexes of the last full hour: of each station and zone, with advisories."""
        found: dict[str, Any] = self._connection.json(f"{API}/cai", dict[str, Any])
        return found

    def devices(self) -> list[Device]:
        """Return every device that was ever heard, by name."""
        return self._connection.pages(f"{API}/devices", Device)

    def latest(self) -> list[Reading]:
        """Return the newest reading of every device, by name."""
        return self._connection.pages(f"{API}/latest", Reading)

    def alerts(
        self,
        state: Literal["active", "ended", "all"] = "active",
        *,
        kind: str | None = None,
        since: datetime | None = None,
    ) -> list[Alert]:
        """Return alerts, the newest first."""
        query = {"state": state, "kind": kind, "since": _text(since), "limit": 1000}
        return self._connection.pages(f"{API}/alerts", Alert, query)

    def incidents(
        self, state: Literal["open", "closed", "all"] = "open", *, since: datetime | None = None
    ) -> list[Incident]:
        """Return incidents, the newest first."""
        query = {"state": state, "since": _text(since), "limit": 1000}
        return self._connection.pages(f"{API}/incidents", Incident, query)

    def state(self, at: datetime | None = None) -> dict[str, Any]:
        """Return the whole city at an instant, now by default: devices, indexes, alerts, incidents."""
        found: dict[str, Any] = self._connection.json(f"{API}/state", dict[str, Any], {"at": _text(at)})
        return found

    def readings(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        devices: Sequence[str] = (),
        quantities: Sequence[str] = (),
        every_s: int | None = None,
        kind: Literal["station", "robot"] | None = None,
        site: str | None = None,
    ) -> Readings:
        """Return readings with `start` <= time < `end`, by default of the last day; means over `every_s` seconds where it is given.

        All of them are in memory afterwards, about 300 bytes each; `export` has no bound. Needs pyarrow.
        """
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory(prefix="jeonju-client") as folder:
            path = self.export(
                Path(folder) / "readings.parquet",
                start,
                end,
                devices=devices,
                quantities=quantities,
                every_s=every_s,
                kind=kind,
                site=site,
            )
            return Readings(pq.read_table(path))

    def export(
        self,
        path: str | PathLike[str],
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        devices: Sequence[str] = (),
        quantities: Sequence[str] = (),
        every_s: int | None = None,
        kind: Literal["station", "robot"] | None = None,
        site: str | None = None,
    ) -> Path:
        """Write readings into a `.csv`, `.parquet` or `.nc` file as they arrive, and return its path.

        The file appears when it is whole; one that is there is overwritten. `jeonju export` does the same with progress, in slices.
        """
        file = Path(path)
        if (as_format := FORMATS.get(file.suffix)) is None:
            raise ApiError(f"{file.name} must end in {', '.join(FORMATS)}")
        part = file.with_name(f".{file.name}.part")
        query = {
            "format": as_format,
            "start": _text(start),
            "end": _text(end),
            "device": list(devices) or None,
            "quantity": list(quantities) or None,
            "every": "raw" if every_s is None else str(every_s),
            "kind": kind,
            "site": site,
        }
        try:
            with self._connection.asked(f"{API}/export", query) as answer, part.open("wb") as sink:
                for piece in answer.iter_bytes(_BYTES_AT_ONCE):
                    sink.write(piece)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return file

    def events(self, last_event_id: str | None = None) -> Iterator[Event]:
        """Yield events as they happen, for ever, each once; a broken connection is made again. See `Event` for `reset`."""
        return events(self._connection, last_event_id)

    def get(self, path: str, **query: Any) -> Any:
        """Return what another route answers, as JSON: `get("/api/v1/limits")`."""
        return self._connection.json(path, query=query)

    def post(self, path: str, content: Any = None, *, read_s: float = READ_S) -> Any:
        """Let the api do something, and return what it answers within `read_s` [s]: `post("/api/v1/alerts/ID/acknowledge", {"note": "seen"})`."""
        return self._connection.json(path, method="POST", content=content, read_s=read_s)


def _text(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ApiError(f"{instant.isoformat()} needs a time zone, such as datetime.now(UTC)")
    return instant.isoformat()
