"""From the settings of a channel to what sends."""

from collections.abc import Callable
from datetime import datetime

from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.response.notify.apprise_urls import open_apprise
from jeonju.response.notify.http import open_http
from jeonju.response.notify.mail import open_mail
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.outbox import Outbox
from jeonju.response.notify.taken import Send
from jeonju.response.notify.webhook import open_webhook
from jeonju.response.triage import AlertService
from jeonju.rules.channels import AnyChannel, Apprise, Email, Webhook
from jeonju.storage.port import Store


def open_outboxes(
    site: Site, store: Store, alerts: AlertService, now: Callable[[], datetime], confirm: Callable[[], None]
) -> list[Outbox]:
    """Return an outbox for each channel of the rules, which sends after `confirm`. Nothing is connected yet.

    Raises UserError for a secret that is missing.
    """
    return [
        Outbox(site, store, alerts, channel, _confirmed(open_channel(site, channel), confirm), now)
        for channel in alerts.rules.channels
    ]


def _confirmed(send: Send, confirm: Callable[[], None]) -> Send:
    def send_confirmed(notification: Notification, now: datetime) -> str:
        confirm()
        return send(notification, now)

    return send_confirmed


def open_channel(site: Site, channel: AnyChannel) -> Send:
    """Return what sends a notification through a channel. Raises UserError for a secret that is missing."""
    if isinstance(channel, Webhook):
        return open_webhook(channel)
    if isinstance(channel, Apprise):
        return open_apprise(channel, site)
    if isinstance(channel, Email):
        return open_mail(channel, site, legal.note(device.certificate for device in site.devices))
    return open_http(channel, site)
