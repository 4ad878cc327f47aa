"""The folder that says who may use the broker: accounts, the private CA, and the files that a broker reads.

accounts.json   who may log in: hashes and serial numbers, no secret
ca.key          the CA's key: keep it from everybody
broker/         all that a broker reads, and nothing else: CA, revocation list, its certificate, Mosquitto's and NATS' files, the password
                by which the nodes of a cluster know each other; every node has a copy
clients/        what clients are given: certificates with their keys, passwords of our own services
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from jeonju.broker import configuration
from jeonju.broker.accounts import Account, Certificate, dump, load, new_password
from jeonju.broker.address import BrokerUrl
from jeonju.broker.certificates import DEVICE_LIFE, Authority, Issued, Revoked, expiry, places
from jeonju.broker.rights import Login, Rights, of_services
from jeonju.common.errors import UserError
from jeonju.common.secret_file import OWNER_ONLY, read_secret, write_secret
from jeonju.contract.site import Site

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
RENEW_BEFORE: Final = timedelta(days=60)
PUBLIC: Final = 0o644


class Secret(NamedTuple):
    """What a client is given, once: a password, or the files of a certificate and its key."""

    account: str
    password: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    expires_at: datetime | None = None


class Security:
    """The folder; `now` is a parameter everywhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = folder / "broker"
        self.clients = folder / "clients"
        self.accounts_file = folder / "accounts.json"
        self.node_password = self.broker / "node.password"

    @property
    def exists(self) -> bool:
        """Whether accounts have been made."""
        return self.accounts_file.exists()

    def accounts(self) -> dict[str, Account]:
        """Return all accounts by name, the revoked ones too. Raises UserError where there are none."""
        return load(self.accounts_file)

    def server_names(self) -> set[str]:
        """Return the names and addresses that the broker's certificate holds for. Raises UserError where it cannot be read."""
        file = self.broker / "server.pem"
        try:
            return places(file.read_bytes())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise UserError(
                f"the broker's certificate {file} cannot be read: {why}; restore it from a backup, or remove it and run `jeonju device setup`"
            ) from None

    def url(self, service: str, host: str, port: int, login: Login) -> str:
        """Return the address by which one of our services logs in. Raises UserError where its secret is missing."""
        ca = (self.broker / "ca.pem").resolve()
        if login == "certificate":
            certificate, key = ((self.clients / f"{service}.{kind}").resolve() for kind in ("pem", "key"))
            return BrokerUrl(host, port, tls=True, ca=ca, certificate=certificate, key=key).text()
        password = read_secret(self.clients / f"{service}.password", "jeonju device setup")
        return BrokerUrl(host, port, service, password, tls=True, ca=ca).text()

    def setup(self, names: Iterable[str], sites: Sequence[Site], now: datetime) -> list[str]:
        """Make what is missing, CA, broker's certificate, accounts of our services, and bring the rest up to date; return what was made."""
        made: list[str] = []
        # The broker, as a user of its own, must get through to its folder.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.broker.mkdir(exist_ok=True)
        self.clients.mkdir(exist_ok=True, mode=0o700)
        if not (self.folder / "ca.key").exists():
            _, issued = Authority.create("Jeonju Air CA", now)
            _write(self.broker / "ca.pem", issued.certificate, PUBLIC)
            _write(self.folder / "ca.key", issued.key)
            made.append("CA")
        if not self.node_password.exists():
            _write(self.node_password, new_password().encode())
        if not self.exists:
            _write(self.accounts_file, dump({}))
        with self._changing(now) as accounts:
            # Of two that renew it at the same time, one would write the key and the other the certificate.
            if self._renew_server({*LOCAL_NAMES, *names}, now):
                made.append("certificate of the broker")
            for service, rights in of_services(*sites).items():
                account = accounts.get(service)
                if account is None:
                    account = accounts[service] = Account(
                        name=service, is_service=True, publish=(), subscribe=(), added_at=now
                    )
                    made.append(f"account {service}")
                account.publish, account.subscribe = rights
                self._equip_service(account, now)
        return made

    def add(
        self,
        name: str,
        rights: Rights,
        now: datetime,
        *,
        login: Login = "password",
        password: str | None = None,
        life: timedelta = DEVICE_LIFE,
    ) -> Secret:
        """Make an account and return its secret. Raises UserError when it exists."""
        with self._changing(now) as accounts:
            known = accounts.get(name)
            if known is not None and known.revoked_at is None:
                raise UserError(f"{name} has an account already; `jeonju device rotate` gives it a new secret")
            old = known.certificates if known else []
            account = Account(
                name=name, publish=rights.publish, subscribe=rights.subscribe, certificates=old, added_at=now
            )
            accounts[name] = account
            return self._give(account, login, now, password, life)

    def revoke(self, name: str, now: datetime) -> None:
        """Lock an account out, with all its certificates. Raises UserError when there is none."""
        with self._changing(now) as accounts:
            account = _active(accounts, name)
            account.revoked_at, account.mosquitto_hash, account.nats_hash = now, None, None
            account.revoke_certificates(now)
            self._forget(name)

    def rotate(self, name: str, now: datetime, *, password: str | None = None, life: timedelta = DEVICE_LIFE) -> Secret:
        """Give an account a new secret of the kind it has; the old one is good no more. Raises UserError when there is none."""
        with self._changing(now) as accounts:
            account = _active(accounts, name)
            has_password = account.mosquitto_hash is not None
            account.revoke_certificates(now)
            self._forget(name)
            if account.is_service:
                account.mosquitto_hash = None
                self._equip_service(account, now)
                return Secret(name, None, self.clients / f"{name}.pem", self.clients / f"{name}.key")
            return self._give(account, "password" if has_password else "certificate", now, password, life)

    def _give(self, account: Account, login: Login, now: datetime, password: str | None, life: timedelta) -> Secret:
        if login == "password":
            password = password or new_password()
            account.set_password(password)
            return Secret(account.name, password)
        issued = self._authority().for_client(account.name, now, life)
        account.certificates.append(Certificate(serial=issued.serial, expires_at=issued.expires_at))
        return Secret(account.name, None, *self._keep(account.name, issued), issued.expires_at)

    def _equip_service(self, account: Account, now: datetime) -> None:
        """A service of ours has both a password and a certificate, and finds them in files."""
        file = self.clients / f"{account.name}.password"
        if account.mosquitto_hash is None:
            # A password that is there already is one that a person chose.
            password = read_secret(file, "jeonju device setup") if file.exists() else new_password()
            account.set_password(password)
            _write(file, password.encode())
        if not any(own.revoked_at is None and own.expires_at > now + RENEW_BEFORE for own in account.certificates):
            account.revoke_certificates(now)
            self._give(account, "certificate", now, None, DEVICE_LIFE)

    def _renew_server(self, names: set[str], now: datetime) -> bool:
        file = self.broker / "server.pem"
        if file.exists():
            present = file.read_bytes()
            if names <= places(present) and expiry(present) > now + RENEW_BEFORE:
                return False
            names |= places(present)
        issued = self._authority().for_server(sorted(names), now)
        _write(self.broker / "server.key", issued.key)
        _write(file, issued.certificate, PUBLIC)
        return True

    def _authority(self) -> Authority:
        try:
            return Authority((self.broker / "ca.pem").read_bytes(), (self.folder / "ca.key").read_bytes())
        except OSError as error:
            raise UserError(f"the CA cannot be read: {error.filename}: {error.strerror}") from None

    def _keep(self, name: str, issued: Issued) -> tuple[Path, Path]:
        certificate, key = self.clients / f"{name}.pem", self.clients / f"{name}.key"
        _write(certificate, issued.certificate, PUBLIC)
        _write(key, issued.key)
        return certificate, key

    def _forget(self, name: str) -> None:
        for kind in ("pem", "key", "password"):
            (self.clients / f"{name}.{kind}").unlink(missing_ok=True)

    @contextmanager
    def _changing(self, now: datetime) -> Iterator[dict[str, Account]]:
        """Let one process at a time change the accounts, and write all that follows from them, the accounts last."""
        if not self.exists:
            raise UserError(f"there are no accounts in {self.folder}; make them with `jeonju device setup`")
        try:
            lock = os.open(self.folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                accounts = self.accounts()
                yield accounts
                self._write_out(accounts, now)
            finally:
                os.close(lock)
        except PermissionError as error:
            raise UserError(
                f"{error.filename} cannot be written: {error.strerror}; are you the owner of {self.folder}?"
            ) from None

    def _write_out(self, accounts: dict[str, Account], now: datetime) -> None:
        everyone = accounts.values()
        devices = [account for account in everyone if not account.is_service]
        services = [account for account in everyone if account.is_service]
        files = {
            "passwords": configuration.mosquitto_passwords(everyone),
            "passwords-devices": configuration.mosquitto_passwords(devices),
            "passwords-services": configuration.mosquitto_passwords(services),
            "acl": configuration.mosquitto_acl(everyone),
            "nats-password.conf": configuration.nats_users(everyone, "password"),
            "nats-certificate.conf": configuration.nats_users(everyone, "certificate"),
        }
        certificates = [certificate for account in everyone for certificate in account.certificates]
        revoked = [Revoked(old.serial, old.revoked_at) for old in certificates if old.revoked_at]
        for name, text in files.items():
            _write(self.broker / name, text.encode())
        _write(self.broker / "crl.pem", self._authority().revocation_list(revoked, now), PUBLIC)
        _write(self.accounts_file, dump(accounts))


def _write(path: Path, content: bytes, mode: int = OWNER_ONLY) -> None:
    # Mosquitto reads its files again as a user of its own, who owns the folder.
    write_secret(path, content, mode, as_folder=True)


def _active(accounts: dict[str, Account], name: str) -> Account:
    account = accounts.get(name)
    if account is None or account.revoked_at is not None:
        raise UserError(f"{name} has no account; see `jeonju device list`")
    return account
