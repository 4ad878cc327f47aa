"""Find out whether a broker has any rules, and whether it takes spaces in topics."""

import logging
import secrets
import threading
from typing import Final

from jeonju.broker.address import LOOPBACK, parse_broker_url
from jeonju.broker.client import Client
from jeonju.common.errors import JeonjuError
from jeonju.contract import topics

log = logging.getLogger(__name__)

SITE: Final = "acl-probe"
ANSWER_WITHIN_S: Final = 2.0


def warn_of_a_broker_without_rules(broker_url: str) -> None:
    """Say so in the log where a broker that others can reach lets its clients do everything."""
    address = parse_broker_url(broker_url)
    if address.host not in LOOPBACK and lets_do_everything(broker_url):
        log.warning(
            "the broker at %r has no ACL: whoever gets in can speak as any device; docs/security.md says how to give it accounts",
            address,
        )


def lets_do_everything(broker_url: str) -> bool:
    """Return whether this login may both send a command and read it, which no account of ours may. False also where the login is refused."""
    heard, settled = threading.Event(), threading.Event()
    name = f"{SITE}-{secrets.token_hex(4)}"
    topic = topics.command(SITE, name)

    def hear(*_: object) -> None:
        heard.set()
        settled.set()

    def send() -> None:
        client.publish(topic, b"{}", qos=1)

    # That the subscription is refused is an answer as good as any.
    client = Client(
        broker_url,
        name,
        filters=[(topic, 1)],
        on_subscribed=send,
        on_refused=lambda _why: settled.set(),
        on_lost=settled.set,
    )
    client.on_message = hear
    try:
        client.begin()
    except JeonjuError:
        return False
    settled.wait(ANSWER_WITHIN_S)
    client.end()
    return heard.is_set()


def takes_spaces(broker_url: str) -> bool | None:
    """Return whether topics may have spaces, which NATS does not take; None where the broker does not say so."""
    settled = threading.Event()
    plain, spaced = f"{SITE}/a-b", f"{SITE}/a b"
    client = Client(
        broker_url,
        f"{SITE}-{secrets.token_hex(4)}",
        filters=[(plain, 0), (spaced, 0)],
        on_subscribed=settled.set,
        on_refused=lambda _why: settled.set(),
        on_lost=settled.set,
    )
    try:
        client.begin()
    except JeonjuError:
        return None
    has_answered = settled.wait(ANSWER_WITHIN_S) and client.failure is None
    client.end()
    return None if not has_answered or plain in client.refused else spaced not in client.refused
