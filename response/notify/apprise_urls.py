"""A channel that sends by the services that Apprise knows: chat, SMS, calls and pushes, one address for each.

Apprise is loaded with the first such channel: it takes a second, and few need it.
"""

import importlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.taken import Receivers, Send, shortened
from jeonju.response.notify.words import Wording
from jeonju.rules.channel_base import read_secret
from jeonju.rules.channels import Apprise

TYPE: Final = {"info": "info", "warning": "warning", "critical": "failure"}


def open_apprise(settings: Apprise, site: Site) -> Send:
    """Return what sends a notification to every address; it raises NotTakenError where some did not take it.

    No address leads elsewhere: redirects are not followed. Raises UserError where Apprise is not installed, for a secret that is missing, and for an
    address that Apprise does not know.
    """
    try:
        apprise: Any = importlib.import_module("apprise")
    except ImportError as error:
        raise UserError(f"channel {settings.name} needs Apprise: pip install 'jeonju-air[notify]'") from error
    # What it says is captured below; in the log it would stand at every try.
    logging.getLogger("apprise").propagate = False
    services = _services(settings, apprise)
    words = Wording(site, settings.language)
    receivers = Receivers(
        [f"{service.service_name} ({place})" for service, place in zip(services, settings.urls, strict=True)]
    )

    def send(notification: Notification, _now: datetime) -> str:
        title, body = words.title(notification), "\n".join(words.lines(notification))
        kind = apprise.NotifyType(TYPE[notification.severity])

        def one(number: int) -> str:
            service = services[number]
            with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
                is_taken = service.notify(body=body, title=title, notify_type=kind)
                why = shortened(said.getvalue())
            if not is_taken:
                raise UnavailableError(f"{service.service_name} does not take it: {why or 'no reason given'}")
            return f"{service.service_name} took it"

        return receivers.send(notification.id, one)

    return send


def _services(settings: Apprise, apprise: Any) -> Sequence[Any]:
    asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
    asset.http_redirects = False
    services = []
    for place in settings.urls:
        service = apprise.Apprise.instantiate(read_secret(place), asset=asset, suppress_exceptions=True)
        if service is None:
            raise UserError(f"channel {settings.name}: what {place} holds is no address that Apprise knows")
        services.append(service)
    return services
