"""Attempts of someone who has the account of one device, or none, at the broker.

Longer than other files: one function for each attempt.
"""

import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, Final

from attack.attempts import Attempt, Seen
from attack.target import ATTACKER, HONEST, SITE, VICTIM, Target, room_for
from attack.wire import PATIENCE_S, ClosedError, Will, Wire, connect_packet, opened, packet, text

OWN: Final = f"air/v1/{SITE}/{ATTACKER}/readings"
ITS: Final = f"air/v1/{SITE}/{VICTIM}/{{}}"
FORGED: Final = 999.0
CONNECTIONS: Final = 5000
FLOOD_S: Final = 5.0
WRONG_LOGINS: Final = 200
MOST_MB_MORE: Final = 300.0
OTHERS_LATE_S: Final = 10.0


def _reading(device: str, values: dict[str, float], seq: int = 1) -> dict[str, Any]:
    return {"device": device, "seq": seq, "boot": "1", "values": values}


def _as_attacker(target: Target, act: Callable[[Wire], object], client_id: str = ATTACKER) -> str:
    """Do something as the attacker; return what ended it, if anything did."""
    try:
        with Wire(target.attacker, client_id) as wire:
            act(wire)
    except ClosedError as why:
        return str(why)
    return "taken"


def _others_go_on(target: Target, seen: str, *, within_s: float = OTHERS_LATE_S) -> Seen:
    begun = time.monotonic()
    is_stored = target.newest_is_stored()
    took_s = time.monotonic() - begun
    return Seen(f"{seen}; the victim's next reading served after {took_s:.1f} s", is_stored and took_s <= within_s)


def first_moment(target: Target) -> Seen:
    """The victim sent from the first moment on, see `Target.start`: all of that is served."""
    if not target.early:
        return Seen("nothing was acknowledged before the platform was ready", None)
    stored = 0
    for _ in range(100):
        stored = next((row["received"] for row in target.json("/api/v1/ledger") if row["device"] == VICTIM), 0)
        if stored >= target.early:
            break
        time.sleep(0.1)
    return Seen(f"{target.early} acknowledged before it was ready, {stored} received", stored >= target.early)


def third_gateway(target: Target) -> Seen:
    """Three gateways in the site file: each is subscribed."""
    refused = target.metric("jeonju_ingest_subscriptions_refused")
    return Seen(f"{refused:.0f} subscriptions refused", refused == 0)


def array_of_others(target: Target) -> Seen:
    """An array with readings of others on one's own topic (H1)."""
    target.newest_is_stored()
    others = [_reading(ATTACKER, {"pm25": 1}), _reading(VICTIM, {"pm25": FORGED}), _reading("invented", {"pm25": 1})]
    what = _as_attacker(target, lambda wire: wire.publish(OWN, json.dumps(others).encode()))
    return _untouched(target, what)


def topics_of_others(target: Target) -> Seen:
    """Readings, status and adoption on another's topics, retained or not."""

    def act(wire: Wire) -> None:
        wire.publish(ITS.format("readings"), json.dumps(_reading(VICTIM, {"pm25": FORGED})).encode())

    target.newest_is_stored()
    ends = [_as_attacker(target, act)]
    for kind, said in (("status", {"state": "offline"}), ("adopt", {"zone": "palbok", "kind": "station"})):
        payload = json.dumps(said).encode()
        ends.append(
            _as_attacker(target, lambda wire, k=kind, p=payload: wire.publish(ITS.format(k), p, retained=True))  # type: ignore[misc]
        )
    return _untouched(target, ", ".join(sorted(set(ends))))


def will_of_another(target: Target) -> Seen:
    """A last will in another's name."""
    target.newest_is_stored()
    what = "taken"
    for kind, said in (("status", {"state": "offline"}), ("readings", _reading(VICTIM, {"pm25": FORGED}))):
        try:
            Wire(
                target.attacker, ATTACKER, will=Will(ITS.format(kind), json.dumps(said).encode(), retained=True)
            ).drop()
        except ClosedError as why:
            what = str(why)
    return _untouched(target, what)


def _untouched(target: Target, what: str) -> Seen:
    """Return whether the victim and what nobody has are as they were, once something later has been stored."""
    with suppress(ClosedError), Wire(target.attacker, ATTACKER) as wire:
        wire.publish(OWN, json.dumps(_reading(ATTACKER, {"pm25": 2.0}, seq=int(time.time()))).encode())
    stored = target.newest_is_stored()
    row = target.latest_of(VICTIM)
    is_own = row is not None and row["values"].get("pm25") == HONEST
    devices = {row["device"]: row for row in target.json("/api/v1/latest")}
    state = next((each["state"] for each in target.json("/api/v1/devices") if each["device"] == VICTIM), "online")
    seen = f"{what}; the victim has {'its own value' if is_own else row}, is {state}"
    return Seen(seen, stored and is_own and state != "offline" and "invented" not in devices)


def listening_in(target: Target) -> Seen:
    """Subscriptions to what others say: refused, or nothing comes."""
    filters = ("#", "air/v1/+/+/+", ITS.format("command"), "$SYS/#", "$share/x/#", "$MQTT/#")
    heard: list[tuple[str, bytes]] = []
    with ExitStack() as stack:
        wires = []
        for number, wanted in enumerate(filters):
            with suppress(ClosedError):
                wires.append(stack.enter_context(Wire(target.attacker, f"{ATTACKER}-{number}")))
                wires[-1].subscribe(wanted)
        target.newest_is_stored()
        for wire in wires:
            heard += wire.hear(0.3)
    return Seen(f"{len(heard)} messages heard over {len(filters)} filters", not heard)


def sessions_taken(target: Target) -> Seen:
    """The known client id of ingest, and that of the victim, taken again and again while the victim sends (H8)."""
    before = len(target.acknowledged)
    for number in range(20):
        with suppress(ClosedError):
            target.send(3)
        with (
            suppress(ClosedError),
            Wire(target.attacker, ("jeonju-ingest", VICTIM)[number % 2], clean=bool(number & 2)),
        ):
            pass
    return _others_go_on(target, f"{len(target.acknowledged) - before} of the victim's readings acknowledged meanwhile")


def retained_flood(target: Target) -> Seen:
    """Thousands of retained messages on one's own topics and on others."""

    def act(wire: Wire) -> None:
        for number in range(3000):
            wire.publish(
                f"air/v1/{SITE}/{ATTACKER}/{number % 2 or 'status'}", b'{"state":"online"}' * 20, retained=True
            )

    what = _as_attacker(target, act)
    with Wire(target.doctor, "attack-doctor") as doctor:
        doctor.subscribe("#")
        kept = {topic for topic, _ in doctor.hear(1.0) if ATTACKER in topic}
    result = _others_go_on(target, f"{what}; {len(kept)} retained")
    return Seen(result.text, bool(result.held) and len(kept) <= 1)


def flood(target: Target) -> Seen:
    """As many readings as the broker acknowledges, over four connections of one account."""
    until = time.monotonic() + FLOOD_S

    def act(number: int) -> int:
        sent = 0
        with suppress(ClosedError), Wire(target.attacker, f"{ATTACKER}-{number}") as wire:
            while time.monotonic() < until:
                wire.publish(OWN, json.dumps(_reading(ATTACKER, {"pm25": 1.0}, seq=sent)).encode())
                sent += 1
        return sent

    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(act, number) for number in range(4)]
        result = _others_go_on(target, "")
        sent = sum(each.result() for each in sending)
    return Seen(f"{sent} in {FLOOD_S:.0f} s{result.text}", result.held)


def malformed(target: Target) -> Seen:
    """Packets that break the rules, before and after the login."""
    dice, pid = random.Random(1), target.broker_pid()
    good = connect_packet("odd", target.attacker.user, target.attacker.password)
    broken = [good[: dice.randrange(len(good))] for _ in range(20)]
    broken += [bytes(dice.choices(range(256), k=dice.randrange(1, 200))) for _ in range(60)]
    broken += [bytes([*good[:at], dice.randrange(256), *good[at + 1 :]]) for at in range(0, len(good), 2)]
    for raw in broken:
        with suppress(OSError), opened(target.attacker) as connection:
            connection.settimeout(0.02)
            connection.sendall(raw)
            connection.recv(10)
    after = [
        b"\x30\x02\x00\x09",
        packet(0x32, b"\x00\x00\x00\x00x"),
        packet(0x82, b"\x00\x00"),
        b"\xf0\x00",
        packet(0x36, text("a")),
    ]
    after += [
        packet(0x32, text(b"\xff\xfe") + b"\x00\x01x"),
        packet(0x82, struct.pack(">H", 1) + text("a/#/b") + b"\x07"),
    ]
    for raw in after:
        with suppress(ClosedError), Wire(target.attacker, "odd") as wire:
            wire.send(raw)
            wire.hear(0.05)
    seen = (
        f"{len(broken) + len(after)} packets, the broker is {'the same' if target.broker_pid() == pid else 'another'}"
    )
    result = _others_go_on(target, seen)
    return Seen(result.text, bool(result.held) and target.broker_pid() == pid)


def oversized(target: Target) -> Seen:
    """Messages of 9 MB and one that announces 256 MB."""
    pid, before = target.broker_pid(), target.sizes()[1].mb
    what = _as_attacker(target, lambda wire: wire.publish(OWN, bytes(9_000_000)))
    with suppress(ClosedError), Wire(target.attacker, "big") as wire:
        wire.send(b"\x32\xff\xff\xff\x7f" + text(OWN) + b"\x00\x01" + bytes(4_000_000))
    more = target.sizes()[1].mb - before
    result = _others_go_on(target, f"{what}; the broker has {more:.0f} MB more")
    return Seen(result.text, bool(result.held) and target.broker_pid() == pid and more < MOST_MB_MORE)


def wrong_passwords(target: Target) -> Seen:
    """Hundreds of wrong passwords at once."""

    def act(number: int) -> bool:
        try:
            Wire(target.attacker._replace(password=f"guess-{number:020d}"), f"guess-{number}").drop()
        except ClosedError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        trying = [pool.submit(act, number) for number in range(WRONG_LOGINS)]
        result = _others_go_on(target, "")
        taken = sum(each.result() for each in trying)
    return Seen(f"{taken} of {WRONG_LOGINS} taken{result.text}", bool(result.held) and not taken)


def many_connections(target: Target) -> Seen:
    """Thousands of connections that say nothing (M9); a login must succeed meanwhile."""
    number = room_for(CONNECTIONS)
    idle = subprocess.Popen(
        [sys.executable, "-m", "attack.idle", str(target.port), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert idle.stdout is not None
        held = idle.stdout.readline().strip()
        begun = time.monotonic()
        with suppress(ClosedError):
            Wire(target.victim, "late").drop()
        login_s = time.monotonic() - begun
        result = _others_go_on(
            target, f"{held} idle, login after {login_s:.1f} s, broker {target.sizes()[1].mb:.0f} MB"
        )
    finally:
        idle.communicate("")
    return Seen(result.text, bool(result.held) and login_s < PATIENCE_S)


def slow_reader(target: Target) -> Seen:
    """Publishes without reading one acknowledgement."""
    before = target.sizes()[1].mb
    sent = 0
    with suppress(ClosedError), Wire(target.attacker, "slow") as wire:
        wire.socket.settimeout(1.0)
        for sent in range(20_000):
            wire.publish(OWN, json.dumps(_reading(ATTACKER, {"pm25": 1.0}, seq=sent)).encode(), waits=False)
    more = target.sizes()[1].mb - before
    result = _others_go_on(target, f"{sent} sent, the broker has {more:.0f} MB more", within_s=2 * OTHERS_LATE_S)
    return Seen(result.text, bool(result.held) and more < MOST_MB_MORE)


def thousand_names(target: Target) -> Seen:
    """An array that invents 60 000 devices (H5)."""
    names = [_reading(f"made-up-{number}", {"pm25": 1.0}) for number in range(60_000)]
    what = _as_attacker(target, lambda wire: wire.publish(OWN, json.dumps(names).encode()))
    result = _others_go_on(target, what)
    unknown = target.get("/api/v1/devices/unknown").body
    made_up = unknown.count(b"made-up-")
    return Seen(
        f"{result.text}; {made_up} of the names known, {len(unknown) / 1e6:.1f} MB", bool(result.held) and not made_up
    )


def many_keys(target: Target) -> Seen:
    """Messages of tens of thousands of unknown quantities, then a restart (C1, M2, M3)."""
    values = {f"unknown-quantity-{number}": 1.0 for number in range(60_000)}

    def act(wire: Wire) -> None:
        for seq in range(10):
            wire.publish(OWN, json.dumps(_reading(ATTACKER, values, seq=seq)).encode())

    what = _as_attacker(target, act)
    result = _others_go_on(target, what)
    size_mb = len(target.get("/api/v1/latest").body) / 1e6
    target.restart()
    return Seen(f"{result.text}; /latest has {size_mb:.1f} MB; started again", bool(result.held) and size_mb < 2)


ATTEMPTS: Final[dict[str, Attempt]] = {
    "first-moment": Attempt("a device sends before the platform is ready", first_moment),
    "gateways": Attempt("a site with three gateways (C2)", third_gateway),
    "array": Attempt("readings of others in an array (H1)", array_of_others),
    "topics": Attempt("readings, status, adoption of another", topics_of_others),
    "will": Attempt("a last will in another's name", will_of_another),
    "listen": Attempt("subscriptions to what others say", listening_in),
    "sessions": Attempt("client ids of ingest and the victim taken (H8)", sessions_taken),
    "retained": Attempt("3000 retained messages", retained_flood),
    "flood": Attempt("a flood over four connections", flood),
    "malformed": Attempt("malformed packets", malformed),
    "oversized": Attempt("oversized packets", oversized),
    "passwords": Attempt(f"{WRONG_LOGINS} wrong passwords", wrong_passwords),
    "connections": Attempt("thousands of idle connections (M9)", many_connections),
    "slow-reader": Attempt("a sender that reads nothing", slow_reader),
    "names": Attempt("60 000 names in a message (H5)", thousand_names),
    "keys": Attempt("60 000 quantities in a message (C1, M2, M3)", many_keys, restarts=True),
}
