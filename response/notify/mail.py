"""A channel that sends plain text by SMTP."""

import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from jeonju.common.errors import UnavailableError
from jeonju.messages.catalogue import LANGUAGES, Language, Pair
from jeonju.messages.words import word
from jeonju.response.notify.notification import Due, Notification
from jeonju.rules.channels import Email, read_secret

ANSWERS_WITHIN_S: Final = 20.0


def open_mail(settings: Email, footer: Pair) -> Callable[[Notification, datetime], None]:
    """Return what sends a notification; it raises UnavailableError when the server does not take it.

    `footer` stands below every mail, in Korean or English.

    Raises UserError when there is no password.
    """
    password = None if settings.password is None else read_secret(settings.password)

    def send(notification: Notification, now: datetime) -> None:
        try:
            with _connected(settings) as server:
                if settings.user is not None and password is not None:
                    server.login(settings.user, password)
                server.send_message(_mail(notification, settings, footer, now))
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"{settings.host}:{settings.port} does not take mail: {_reason(error)}") from error

    return send


def _mail(notification: Notification, settings: Email, footer: Pair, now: datetime) -> EmailMessage:
    """Return the mail; its Message-ID is the same whenever the same states are sent."""
    language = settings.language
    number = LANGUAGES.index(language)
    title = (notification.title_ko, notification.title_en)[number]
    events = sorted({_event(due, language) for due in notification.due})
    severity = word("severity", notification.severity, language)
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    mail["Subject"] = f"[{severity}] {title} ({', '.join(events)}) {notification.zone or notification.site}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{notification.id}@{settings.sender.split('@')[1]}>"
    # No answering machine answers this.
    mail["Auto-Submitted"] = "auto-generated"
    lines = [_line(due, language) for due in notification.due]
    mail.set_content("\n".join([*lines, "", footer[number]]) + "\n")
    return mail


def _line(due: Due, language: Language) -> str:
    alert = due.alert
    summary = alert[f"summary_{language}"]
    return f"{alert['started_at']} {_event(due, language)}: {summary} (runbook: {alert['runbook']})"


def _event(due: Due, language: Language) -> str:
    return word("notification-event", due.state.split("-")[0], language)


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
