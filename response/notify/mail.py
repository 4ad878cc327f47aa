"""A channel that sends plain text by SMTP."""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from jeonju.common.errors import UnavailableError
from jeonju.contract.site import Site
from jeonju.messages.catalogue import LANGUAGES, Pair
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.taken import Send
from jeonju.response.notify.words import Wording
from jeonju.rules.channel_base import read_secret
from jeonju.rules.channels import Email

ANSWERS_WITHIN_S: Final = 20.0


def open_mail(settings: Email, site: Site, footer: Pair) -> Send:
    """Return what sends a notification; it raises UnavailableError when the server does not take it.

    `footer` stands below every mail, in Korean or English.

    Raises UserError when there is no password.
    """
    words = Wording(site, settings.language)
    password = None if settings.password is None else read_secret(settings.password)

    def send(notification: Notification, now: datetime) -> str:
        try:
            with _connected(settings) as server:
                if settings.user is not None and password is not None:
                    server.login(settings.user, password)
                refused = server.send_message(_mail(notification, settings, words, footer, now))
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"{settings.host}:{settings.port} does not take mail: {_reason(error)}") from error
        but = f", but refuses {', '.join(refused)}" if refused else ""
        return f"{settings.host}:{settings.port} took it{but}"

    return send


def _mail(notification: Notification, settings: Email, words: Wording, footer: Pair, now: datetime) -> EmailMessage:
    """Return the mail; its Message-ID is the same whenever the same states are sent."""
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    mail["Subject"] = words.title(notification)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{notification.id}@{settings.sender.split('@')[1]}>"
    # No answering machine answers this.
    mail["Auto-Submitted"] = "auto-generated"
    note = footer[LANGUAGES.index(settings.language)]
    mail.set_content("\n".join([*words.lines(notification, with_runbook=True), "", note]) + "\n")
    return mail


def _connected(settings: Email) -> smtplib.SMTP:
    tls = ssl.create_default_context()
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=ANSWERS_WITHIN_S, context=tls)
    server = smtplib.SMTP(settings.host, settings.port, timeout=ANSWERS_WITHIN_S)
    if settings.security == "starttls":
        try:
            server.starttls(context=tls)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
    return server


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
