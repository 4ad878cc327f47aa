"""From the settings of a channel to what sends."""

from collections.abc import Callable
from datetime import datetime

from jeonju.contract.site import Site
from jeonju.response.notify.mail import open_mail
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.outbox import Outbox
from jeonju.response.notify.webhook import open_webhook
from jeonju.response.triage import AlertDesk
from jeonju.rules.channels import AnyChannel, Webhook
from jeonju.storage.port import Store


def open_outboxes(site: Site, store: Store, desk: AlertDesk, now: Callable[[], datetime]) -> list[Outbox]:
    """Return an outbox for each channel of the rules. Nothing is connected yet. Raises UserError for a secret that is missing."""
    return [Outbox(site.name, store, desk, channel, _sender(channel), now) for channel in desk.rules.channels]


def _sender(channel: AnyChannel) -> Callable[[Notification, datetime], None]:
    return open_webhook(channel) if isinstance(channel, Webhook) else open_mail(channel)
