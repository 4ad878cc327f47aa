"""The accounts in the words of the brokers: Mosquitto's password and ACL files, NATS' users, and what a listener of each needs besides."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jeonju.broker.accounts import Account
from jeonju.broker.rights import ASKED, HOLD_SITES, LEASES, RESPOND, RESPONDER, Login, subjects

# The broker hands messages of QoS 1 to their reader by this subject; no client can subscribe to it by itself.
NATS_DELIVERY: Final = "$MQTT.sub.>"
# How a client of NATS itself sees and keeps leases (broker/leases.py), and nothing else: the bucket is the stream `KV_` and its name.
NATS_SEES: Final = tuple(f"$JS.API.{call}.KV_{LEASES}" for call in ("STREAM.INFO", "STREAM.MSG.GET"))
NATS_MAKES: Final = f"$JS.API.STREAM.CREATE.KV_{LEASES}"
NATS_HOLDS: Final = (f"$KV.{LEASES}.>", NATS_MAKES)
NATS_RESPONDS: Final = (f"$KV.{LEASES}.{RESPOND}.>", NATS_MAKES, f"{ASKED}.*")
NATS_ANSWERS: Final = "_INBOX.>"
# What `nats.conf` says of a server without others. A disk may stand still for seconds (an SD card, a backup beside it): no other node would answer.
ALONE: Final = {"nats_tls": "", "cluster": "", "replicas": "", "ack_wait": "30s", "store_within": "45s"}


def mosquitto_passwords(accounts: Iterable[Account]) -> str:
    """Return Mosquitto's password file."""
    return "".join(
        f"{account.name}:{account.mosquitto_hash}\n" for account in _active(accounts) if account.mosquitto_hash
    )


def mosquitto_acl(accounts: Iterable[Account]) -> str:
    """Return Mosquitto's ACL file; what it does not name is refused."""
    lines: list[str] = []
    for account in _active(accounts):
        lines += [f"user {account.name}", *(f"topic write {topic}" for topic in account.publish)]
        lines += [f"topic read {topic}" for topic in account.subscribe]
    return "\n".join(lines) + "\n"


def nats_users(accounts: Iterable[Account], login: Login) -> str:
    """Return NATS' users: by name with a password, or by the subject of each certificate that is not revoked."""
    users = []
    for account in _active(accounts):
        leases = _leases(account)
        heard = (NATS_ANSWERS, f"{ASKED}.*") if f"{ASKED}.*" in leases else (NATS_ANSWERS,) if leases else ()
        rights = {
            "allowed_connection_types": ["MQTT", "STANDARD"] if leases else ["MQTT"],
            "permissions": {
                "publish": _allowed(account.publish, *leases),
                "subscribe": _allowed(account.subscribe, NATS_DELIVERY, *heard),
                # To whom it was asked by, once for each question.
                **({"allow_responses": True} if len(heard) > 1 else {}),
            },
        }
        if login == "certificate":
            names = [
                f"SERIALNUMBER={own.serial},CN={account.name}" for own in account.certificates if own.revoked_at is None
            ]
            users += [{"user": name, **rights} for name in names]
        elif account.nats_hash:
            users.append({"user": account.name, "password": account.nats_hash, **rights})
    return "authorization { users: [\n" + "\n".join(json.dumps(user) for user in users) + "\n] }\n"


def mosquitto_listener(folder: Path, login: Login) -> str:
    """Return what the listener of a Mosquitto needs to know its clients."""
    lines = [f"acl_file {folder / 'acl'}", f"certfile {folder / 'server.pem'}", f"keyfile {folder / 'server.key'}"]
    if login == "password":
        return "\n".join(["allow_anonymous false", f"password_file {folder / 'passwords'}", *lines])
    lists = [f"cafile {folder / 'ca.pem'}", f"crlfile {folder / 'crl.pem'}"]
    return "\n".join(
        ["allow_anonymous false", "require_certificate true", "use_identity_as_username true", *lines, *lists]
    )


def nats_include(folder: Path, login: Login, *, beside: Path) -> str:
    """Return the line that lets NATS read its users; it looks for included files beside its own."""
    return f'include "{os.path.relpath(folder.resolve() / f"nats-{login}.conf", beside.resolve())}"'


def nats_tls(folder: Path, login: Login, *, both_ways: bool = False) -> str:
    """Return the TLS block of a listener of NATS; `both_ways` where each side checks the certificate of the other, as between nodes."""
    lines = [
        f"cert_file: {json.dumps(str(folder / 'server.pem'))}",
        f"key_file: {json.dumps(str(folder / 'server.key'))}",
    ]
    if login == "certificate":
        # NATS knows no revocation list; a certificate whose subject is no user's is refused instead.
        lines += [f"ca_file: {json.dumps(str(folder / 'ca.pem'))}", "verify_and_map: true"]
    elif both_ways:
        lines.append(f"ca_file: {json.dumps(str(folder / 'ca.pem'))}")
    return "tls {\n    " + "\n    ".join(lines) + "\n  }"


def _active(accounts: Iterable[Account]) -> Iterable[Account]:
    return (account for account in sorted(accounts, key=lambda account: account.name) if account.revoked_at is None)


def _leases(account: Account) -> tuple[str, ...]:
    """Return what an account may ask of the leases of sites, and of the api that responds."""
    if not account.is_service:
        return ()
    if account.name in HOLD_SITES:
        return (*NATS_HOLDS, *NATS_SEES)
    return (*NATS_RESPONDS, *NATS_SEES) if account.name == RESPONDER else ()


def _allowed(filters: tuple[str, ...], *more: str) -> dict[str, list[str]]:
    allow = [subject for filter_ in filters for subject in subjects(filter_)]
    # An empty list would allow everything.
    return {"allow": [*allow, *more]} if allow else {"deny": [">"]}
