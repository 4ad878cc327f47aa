"""From the settings of a channel to what sends."""

from collections.abc import Callable
from datetime import datetime

from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.response.notify.mail import open_mail
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.outbox import Outbox
from jeonju.response.notify.webhook import open_webhook
from jeonju.response.triage import AlertService
from jeonju.rules.channels import AnyChannel, Webhook
from jeonju.storage.port import Store


def open_outboxes(site: Site, store: Store, alerts: AlertService, now: Callable[[], datetime]) -> list[Outbox]:
    """Return an outbox for each channel of the rules. Nothing is connected yet. Raises UserError for a secret that is missing."""
    return [Outbox(site.name, store, alerts, channel, _sender(site, channel), now) for channel in alerts.rules.channels]


def _sender(site: Site, channel: AnyChannel) -> Callable[[Notification, datetime], None]:
    if isinstance(channel, Webhook):
        return open_webhook(channel)
    return open_mail(channel, legal.note(device.certificate for device in site.devices))
