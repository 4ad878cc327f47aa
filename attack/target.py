"""The platform that is attacked: `jeonju up` with accounts and keys on free ports of loopback, and the honest device whose readings are counted."""

import json
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import psutil
import urllib3

from attack.wire import HOST, ClosedError, Login, Wire
from jeonju.api.access.keys import KeyFile, Role
from jeonju.broker.embedded import free_port
from jeonju.broker.rights import of_device
from jeonju.broker.security import Security
from jeonju.contract import site as sites
from jeonju.contract.site import load_site
from jeonju.storage.open import open_store
from jeonju.storage.port import Series

SITE: Final = "jeonju"
VICTIM, ATTACKER = "victim", "attacker"
STARTS_WITHIN_S: Final = 90.0
STORED_WITHIN_S: Final = 30.0
PAUSE_S: Final = 0.1
# What the honest device measures, and by how much the api may cut times off.
HONEST: Final = 7.0
TRUNCATED: Final = timedelta(milliseconds=2)
# The third gateway is one that NATS could refuse.
GATEWAYS: Final = """
[[gateways]]
topic = "zigbee2mqtt/#"
format = "zigbee2mqtt"

[[gateways]]
topic = "tele/+/SENSOR"
format = "tasmota"
"""


class Size(NamedTuple):
    """Memory and descriptors of a process."""

    mb: float
    descriptors: int


class Answer(NamedTuple):
    """An answer of the api."""

    status: int
    body: bytes


class Target:
    """As a context manager it runs; `restart` ends and starts it with its data."""

    def __init__(self, folder: Path, broker: str, *, guarded: bool = True) -> None:
        self.broker = broker
        self.folder = folder
        self.port, self.http_port = free_port(), free_port()
        self.acknowledged: set[int] = set()
        self.early = 0
        self._seqs = count()
        self._newest = datetime.now(UTC)
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = threading.Event()
        self.http = urllib3.PoolManager(retries=False, timeout=STORED_WITHIN_S, maxsize=50)
        self.key = ""
        folder.mkdir(parents=True, exist_ok=True)
        shipped = Path(sites.__file__).with_name("sites") / f"{SITE}.toml"
        self._site = folder / f"{SITE}.toml"
        self._site.write_text(shipped.read_text(encoding="utf-8") + GATEWAYS, encoding="utf-8")
        if guarded:
            self._make_accounts()

    def _make_accounts(self) -> None:
        now = datetime.now(UTC)
        security = Security(self.folder / "data/security")
        security.folder.parent.mkdir(parents=True)
        security.setup([], [load_site(str(self._site))], now)
        self._logins = {}
        for name in (VICTIM, ATTACKER):
            secret = security.add(f"{SITE}.{name}", of_device(SITE, name), now)
            self._logins[name] = Login(self.port, security.broker / "ca.pem", secret.account, secret.password or "")
        doctor = (security.clients / "doctor.password").read_text()
        self.doctor = Login(self.port, security.broker / "ca.pem", "doctor", doctor)
        self.key = KeyFile(self.folder / "data/keys.json").add("attack", Role.OPERATOR, now)

    @property
    def attacker(self) -> Login:
        """The account that an attacker has."""
        return self._logins[ATTACKER]

    @property
    def victim(self) -> Login:
        """The account of the honest device."""
        return self._logins[VICTIM]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, is_first: bool = False) -> None:
        """Start it and wait until it is ready; at the first start the honest device sends from the first moment on."""
        command = [sys.executable, "-m", "jeonju", "up", "--no-simulate", "--json", "--site", str(self._site)]
        command += ["--data", str(self.folder / "data"), "--broker", self.broker]
        command += ["--mqtt-port", str(self.port), "--port", str(self.http_port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline:
            if is_first and self.key and len(self.acknowledged) < 100:
                with suppress(ClosedError):
                    self.send(20, client_id="early")
                self.early = len(self.acknowledged)
            if self._is_ready():
                return
            self._pause.wait(0.005 if is_first else PAUSE_S)
            if self._process.poll() is not None:
                break
        raise TimeoutError(f"jeonju up did not start: {(self.folder / 'log').read_text(errors='replace')[-400:]}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def restart(self) -> None:
        """End it and start it again."""
        self.stop()
        self.start()

    def send(self, number: int, *, client_id: str = VICTIM) -> None:
        """Let the honest device send readings, and note what was acknowledged. Raises ClosedError."""
        with Wire(self.victim, client_id) as wire:
            for _ in range(number):
                seq = next(self._seqs)
                now = datetime.now(UTC)
                said = {"device": VICTIM, "seq": seq, "boot": "1", "time": now.isoformat(), "values": {"pm25": HONEST}}
                wire.publish(f"air/v1/{SITE}/{VICTIM}/readings", json.dumps(said).encode())
                self.acknowledged.add(seq)
                self._newest = now

    def get(self, path: str, *, key: str | None = None, **headers: str) -> Answer:
        """Ask the api, by default with a key of an operator."""
        key = self.key if key is None else key
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        found = self.http.request("GET", self.url(path), headers=sent | headers)
        return Answer(found.status, found.data)

    def url(self, path: str) -> str:
        """Return where a path of the api is."""
        return f"http://{HOST}:{self.http_port}{path}"

    def json(self, path: str) -> Any:
        """Return what the api answers."""
        return json.loads(self.get(path).body)

    def latest_of(self, device: str) -> Any:
        """Return the newest reading of a device, None where there is none."""
        return next((row for row in self.json("/api/v1/latest") if row["device"] == device), None)

    def metric(self, name: str) -> float:
        """Return a figure of `/metrics`, 0 where there is none."""
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def newest_is_stored(self, within_s: float = STORED_WITHIN_S) -> bool:
        """Send a reading as the honest device, and return whether it is served in time."""
        before = len(self.acknowledged)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with suppress(ClosedError, urllib3.exceptions.HTTPError, ValueError):
                if len(self.acknowledged) == before:
                    self.send(1)
                row = self.latest_of(VICTIM)
                if row is not None and datetime.fromisoformat(row["time"]) >= self._newest - TRUNCATED:
                    return True
            self._pause.wait(PAUSE_S)
        return False

    def missing(self) -> int:
        """Return, once it has ended, how many readings were acknowledged and are not in the store."""
        begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        with closing(open_store(str(self.folder / "data/air.duckdb"))) as store:
            table = store.readings(Series(site=SITE, start=begin, end=end, devices=(VICTIM,), limit=10_000_000))
        return len(self.acknowledged - set(table["seq"].to_pylist()))

    def sizes(self) -> tuple[Size, Size]:
        """Return memory and descriptors of `jeonju up` and of its broker."""
        assert self._process is not None
        own = psutil.Process(self._process.pid)
        child = next(iter(own.children()), None)
        return _size(own), Size(0.0, 0) if child is None else _size(child)

    def broker_pid(self) -> int | None:
        """Return the process of the broker."""
        assert self._process is not None
        return next((child.pid for child in psutil.Process(self._process.pid).children()), None)

    def _is_ready(self) -> bool:
        with suppress(urllib3.exceptions.HTTPError):
            return self.http.request("GET", self.url("/readyz"), timeout=2.0).status == 200
        return False


def _size(process: psutil.Process) -> Size:
    try:
        return Size(process.memory_info().rss / 1e6, process.num_fds())
    except psutil.Error:
        return Size(0.0, 0)


def room_for(descriptors: int) -> int:
    """Return how many of so many connections this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(descriptors, soft - 200 - len(list(Path("/proc/self/fd").iterdir()))), 0)
