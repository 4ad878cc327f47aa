"""What the tests of accounts share: a folder of accounts, and clients that remember what they hear."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.broker.rights import Login, of_device
from jeonju.broker.security import Secret, Security
from jeonju.contract.site import Site
from tests.waiting import wait_until

NOW = datetime.now(UTC)


_numbers = count()


class Ears(Client):
    """A client that remembers what it hears, and misses nothing when a broker ends its connection for what it must not do.

    Its client id is as given only where `clean_session` is given too.
    """

    yields = False

    def __init__(self, url: str, client_id: str, *filters: str, **options: Any) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.granted: list[bool] = []
        self.ready = 0
        if "clean_session" not in options:
            client_id, options["clean_session"] = f"{client_id}-{next(_numbers)}", False
        super().__init__(url, client_id, on_ready=self._listen, **options)
        # A broker may end the connection of who does what it must not: back quickly, not to wait for it in every test.
        self._reconnect_min_delay = 0.1  # type: ignore[assignment]
        self._filters = filters
        self.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self.on_subscribe = lambda _c, _d, _m, reasons, _p: self.granted.extend(
            not reason.is_failure for reason in reasons
        )

    def _listen(self) -> None:
        if self._filters:
            self.subscribe([(topic_filter, 1) for topic_filter in self._filters])
        self.ready += 1

    def __enter__(self) -> Self:
        self.begin()
        wait_until(lambda: (self.ready and len(self.granted) >= len(self._filters)) or self.failure, what="an answer")
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def say(self, topic: str, payload: str) -> None:
        """Publish with QoS 1; what is refused may cost the connection, which comes back."""
        with suppress(RuntimeError):
            self.publish(topic, payload, qos=1).wait_for_publish(60)

    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.heard]


def security_with(
    folder: Path, site: Site, *devices: str, login: Login = "password"
) -> tuple[Security, dict[str, Secret]]:
    """Return accounts for our services and for devices."""
    security = Security(folder)
    security.setup([], [site], NOW)
    return security, {
        name: security.add(f"jeonju.{name}", of_device("jeonju", name), NOW, login=login) for name in devices
    }


def url_of(broker: EmbeddedBroker, security: Security, secret: Secret) -> str:
    """Return the address at which a device logs in."""
    ca = security.broker / "ca.pem"
    if secret.certificate:
        return f"mqtts://127.0.0.1:{broker.port}?ca={ca}&cert={secret.certificate}&key={secret.key}"
    return f"mqtts://{secret.account}:{secret.password}@127.0.0.1:{broker.port}?ca={ca}"
