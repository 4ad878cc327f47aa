"""A channel that posts signed JSON.

The receiver makes HMAC-SHA256 with the shared secret over `TIMESTAMP.BODY` and compares; a timestamp that is minutes old is a replay.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final

import orjson
import urllib3

from jeonju.common.errors import UnavailableError
from jeonju.response.notify.notification import Notification
from jeonju.rules.channels import Webhook, read_secret

ANSWERS_WITHIN_S: Final = 10.0
TIMESTAMP: Final = "X-Jeonju-Timestamp"
SIGNATURE: Final = "X-Jeonju-Signature"
NOTIFICATION: Final = "X-Jeonju-Notification"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what the signature header holds."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def open_webhook(settings: Webhook) -> Callable[[Notification, datetime], None]:
    """Return what posts a notification; it raises UnavailableError unless the answer is 2xx.

    Raises UserError when there is no secret.
    """
    secret = read_secret(settings.secret)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(ANSWERS_WITHIN_S), retries=False)
    host = urllib3.util.parse_url(settings.url).netloc

    def send(notification: Notification, now: datetime) -> None:
        body = orjson.dumps(notification.body())
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(secret, timestamp, body),
            NOTIFICATION: notification.id,
        }
        try:
            answer = pool.request("POST", settings.url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise UnavailableError(f"{host} does not answer: {type(error).__name__}") from error
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{host} answered {answer.status}")

    return send
