"""A channel that posts signed JSON, by Standard Webhooks (standardwebhooks.com): receivers verify it with a library of their language.

A request also has the three headers of earlier versions: HMAC-SHA256 with the shared secret over `TIMESTAMP.BODY`, in hexadecimal.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Final

import orjson
import urllib3
from standardwebhooks import Webhook as Signer

from jeonju.common.clock import utc_now
from jeonju.common.errors import UnavailableError
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.taken import NotTakenError, Send, retry_after_s
from jeonju.rules.channel_base import read_secret
from jeonju.rules.channels import Webhook

ANSWERS_WITHIN_S: Final = 10.0
PREFIX: Final = "whsec_"  # of a secret that is base64, as the standard has it; any other is taken as text


def open_webhook(settings: Webhook) -> Send:
    """Return what posts a notification; it raises UnavailableError unless the answer is 2xx.

    Raises UserError when there is no secret.
    """
    secret = read_secret(settings.secret)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(ANSWERS_WITHIN_S), retries=False)
    host = urllib3.util.parse_url(settings.url).netloc

    def send(notification: Notification, now: datetime) -> str:
        body = orjson.dumps(notification.to_json())
        headers = {"Content-Type": "application/json", **signed(secret, notification.id, now, body)}
        try:
            # Only the status counts: a redirect would lead to where nobody has allowed us to send, and an answer may have no end.
            answer = pool.request(
                "POST", settings.url, body=body, headers=headers, redirect=False, preload_content=False
            )
            answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise UnavailableError(f"{host} does not answer: {type(error).__name__}") from error
        if not 200 <= answer.status < 300:
            after_s = retry_after_s(answer.headers.get("Retry-After"), utc_now())
            raise NotTakenError(f"{host} answered {answer.status}", after_s)
        return f"{host} answered {answer.status}"

    return send


def signed(secret: str, notification_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver knows who sent a body, when, and whether it is a repeat."""
    timestamp = str(int(now.timestamp()))
    signer = Signer(secret if secret.startswith(PREFIX) else secret.encode())
    former = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "webhook-id": notification_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signer.sign(notification_id, now, body.decode()),
        "X-Jeonju-Notification": notification_id,
        "X-Jeonju-Timestamp": timestamp,
        "X-Jeonju-Signature": f"sha256={former}",
    }
