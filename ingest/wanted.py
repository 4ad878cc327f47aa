"""The sessions that ingest needs at the broker, and how they are made before devices are let in.

A broker acknowledges also what no session waits for: until ingest has subscribed for the first time, that is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from jeonju.broker.identity import lasting_id
from jeonju.broker.mosquitto_db import WaitingSession
from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.decoders.native.decoder import KINDS
from jeonju.ingest.sessions import Sessions
from jeonju.ingest.subscriptions import Subscriptions, remembered_beside

# Of the shared subscriptions, of the statistics, and of the client id, to which `--client-id-file` adds a secret.
NAME: Final = "jeonju-ingest"
CONNECT_WITHIN_S: Final = 30.0


@dataclass(frozen=True)
class Wanted:
    """What one ingest subscribes, and under which client id; `remembers` and `only_site` as for `Ingest`."""

    site: Site
    client_id: str = NAME
    member: str | None = None
    remembers: Path | None = None
    only_site: bool = False

    @property
    def name(self) -> str:
        """The client id of the first session."""
        return self.client_id if self.member is None else f"{self.client_id}-{self.member}"

    @property
    def share(self) -> str:
        """What stands before each filter."""
        return "" if self.member is None else f"$share/{NAME}/"

    @property
    def options(self) -> dict[str, Any]:
        """How a client is made that has such a session."""
        return {"clean_session": False} if self.member is None else {"protocol": mqtt.MQTTv5}

    def connect_with(self) -> dict[str, Any]:
        """Return how MQTT 5 is asked to keep the session for the next start."""
        if self.member is None:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0xFFFF_FFFF
        return {"clean_start": False, "properties": properties}

    def subscriptions(self) -> Subscriptions:
        """Return what to subscribe, after what the file says of earlier starts."""
        return Subscriptions.of(self._filters(), self.remembers, same_for_all=self.member is not None)

    def covers(self, topic: str) -> bool:
        """Return whether a message of this topic is for this ingest."""
        return any(mqtt.topic_matches_sub(filter_, topic) for filter_ in self._filters())

    def _filters(self) -> list[str]:
        if self.only_site:
            own = [filter_ for kind in KINDS for filter_ in topics.of_site(self.site.name, kind)]
        else:
            own = [f"{topics.ROOT}/+/+/{kind}" for kind in KINDS]
        return [*own, *(gateway.topic for gateway in self.site.gateways)]

    def sessions(self) -> list[WaitingSession]:
        """Return the sessions, as one has them that is refused nothing."""
        now = self.subscriptions().now
        return [
            WaitingSession(now.session_name(self.name, group), [f"{self.share}{topic}" for topic in filters])
            for group, filters in enumerate(now.groups)
        ]

    def make(self, broker_url: str) -> None:
        """Make the sessions at a broker, and take nothing that waits there.

        Raises UnavailableError when no broker answers, UserError when it refuses.
        """
        sessions = Sessions(
            broker_url,
            self.name,
            self.subscriptions(),
            on_message=lambda _session, _message: None,
            on_refused=lambda _why: sessions.settled.set(),
            options=self.options,
            connect_with=self.connect_with,
            share=self.share,
            receives=False,
        )
        sessions.begin()
        is_settled = sessions.settled.wait(CONNECT_WITHIN_S)
        sessions.end()
        refuse_unsettled(sessions, is_settled=is_settled)


def wanted_of(
    sites: Sequence[Site], client_id_file: Path, *, member: str | None = None, remembers: Path | None = None
) -> list[Wanted]:
    """Return what ingest subscribes for each of the sites that a process serves.

    The first keeps the session of one that was served alone, and takes from it what waits. `remembers` is the file for the first; without, it
    is beside that of the client id.
    """
    file = remembers or remembered_beside(client_id_file, member)
    return [
        Wanted(
            site,
            lasting_id(NAME if number == 0 else f"{NAME}-{site.name}", client_id_file),
            member,
            file if number == 0 else file.with_name(f"{file.stem}-{site.name}{file.suffix}"),
            only_site=len(sites) > 1,
        )
        for number, site in enumerate(sites)
    ]


def refuse_unsettled(sessions: Sessions, *, is_settled: bool) -> None:
    """Raise UserError where the broker has refused, or has not answered."""
    if sessions.failure is not None:
        raise sessions.failure
    if sessions.refusal is not None or not is_settled:
        raise UserError(
            sessions.refusal or f"the broker at {sessions.first.address!r} does not answer the subscription"
        )
