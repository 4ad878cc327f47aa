"""Make all that a stack of several services needs before its first start: broker accounts, InfluxDB, keys, passwords; each in a file of its own.

Every service has a folder in the folder of secrets and is given that one only:

ingest/, detect/, api/, simulator/   mqtt_password, ca.pem; influxdb_token for the first three; client_id for ingest, keys.json for the api
grafana/                             influxdb_token, admin_password, readable by its group: Grafana runs as a user of its own
admin/                               influxdb_operator_token, influxdb_password, api_key: for people
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Final, NamedTuple

from jeonju.api.access.keys import KeyFile, Role
from jeonju.broker.mosquitto_db import prepare_mosquitto
from jeonju.broker.security import Security
from jeonju.common.errors import UserError
from jeonju.common.secret_file import OWNER_ONLY, read_secret, write_secret
from jeonju.contract.site import Site
from jeonju.ingest.wanted import wanted_of
from jeonju.storage.influx.setup import InfluxSetup, new_secret

WITH_GROUP: Final = 0o640
LOGGING_IN: Final = ("ingest", "detect", "api", "simulator")
GRAFANA: Final = "grafana"
ADMIN: Final = "admin"


class Influx(NamedTuple):
    """Where an InfluxDB 2.x is, and what is to be made in it."""

    base: str
    org: str
    bucket: str


class Mosquitto(NamedTuple):
    """The folder of a Mosquitto, and the names of the ingest processes that share the work, if there are several."""

    folder: Path
    members: Sequence[str] = ()


class Secrets:
    """The folder of secrets; remembers what was written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made: list[str] = []

    def path(self, service: str, name: str) -> Path:
        """Return the file of a secret, in the folder of its service."""
        return self._folder / service / name

    def keep(self, service: str, name: str, content: str) -> None:
        """Let a file hold this, written only where it holds something else."""
        path, mode = self.path(service, name), WITH_GROUP if service == GRAFANA else OWNER_ONLY
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750 if service == GRAFANA else 0o700)
            if path.exists() and path.read_text(encoding="utf-8") == content:
                return
            write_secret(path, content.encode(), mode)
        except OSError as error:
            raise UserError(f"the secret file {path} cannot be written: {error.strerror}") from None
        self.made.append(f"{service}/{name}")

    def once(self, service: str, name: str) -> str:
        """Return a secret, a new one where there is none."""
        path = self.path(service, name)
        if not path.exists():
            self.keep(service, name, new_secret())
        return read_secret(path, "jeonju setup")


def set_up(
    sites: Sequence[Site],
    security: Security,
    secrets: Secrets,
    names: Sequence[str],
    influx: Influx | None,
    now: datetime,
    mosquitto: Mosquitto | None = None,
) -> list[str]:
    """Make what is missing and leave alone what is there; return what was made.

    Raises UserError for what a person must change, UnavailableError when InfluxDB does not answer: what was made until then stays.
    """
    accounts = security.setup(names, sites, now)
    for service in LOGGING_IN:
        secrets.keep(service, "mqtt_password", read_secret(security.clients / f"{service}.password", "jeonju setup"))
        secrets.keep(service, "ca.pem", (security.broker / "ca.pem").read_text(encoding="ascii"))
    # Nobody may know by which client id the broker keeps what waits for ingest.
    secrets.once("ingest", "client_id")
    if mosquitto is not None:
        _set_up_mosquitto(mosquitto, sites, secrets)
    _keep_admin_key(KeyFile(secrets.path("api", "keys.json")), secrets, now)
    if influx is not None:
        _set_up_influx(influx, secrets)
        secrets.once(GRAFANA, "admin_password")
    return accounts + secrets.made


def _set_up_mosquitto(mosquitto: Mosquitto, sites: Sequence[Site], secrets: Secrets) -> None:
    """Let the sessions of ingest be there before Mosquitto starts for the first time: it acknowledges also what no session waits for."""
    file = secrets.path("ingest", "client_id")
    members: Sequence[str | None] = mosquitto.members or (None,)
    sessions = [
        session
        for member in members
        for wanted in wanted_of(sites, file, member=member)
        for session in wanted.sessions()
    ]
    if prepare_mosquitto(mosquitto.folder, "ingest", sessions):
        secrets.made.append("session of ingest at Mosquitto")


def _keep_admin_key(keys: KeyFile, secrets: Secrets, now: datetime) -> None:
    """Let the admin's file hold a key that the api takes: the first one, or one more after keys were restored or revoked.

    From the first one on every request needs a key, so that the api can be reached from other machines. The other keys stay: they may be in use.
    """
    file = secrets.path(ADMIN, "api_key")
    if file.exists() and keys.find(read_secret(file, "jeonju setup")) is not None:
        return
    taken = [key.name for key in keys.keys()]  # noqa: SIM118  (it is no dictionary)
    names = chain([ADMIN], (f"{ADMIN}-{number}" for number in count(2)))
    name = next(name for name in names if name not in taken)
    secrets.keep(ADMIN, "api_key", keys.add(name, Role.ADMIN, now))


def _set_up_influx(influx: Influx, secrets: Secrets) -> None:
    # Both are in files before the server gets them: after a kill in between the next run knows them.
    operator = secrets.once(ADMIN, "influxdb_operator_token")
    password = secrets.once(ADMIN, "influxdb_password")
    server = InfluxSetup(*influx, operator)
    try:
        if server.make(password):
            secrets.made.append(f"organization {influx.org} and bucket {influx.bucket}")
        for service, token in server.tokens().items():
            secrets.keep(service, "influxdb_token", token)
    finally:
        server.close()
