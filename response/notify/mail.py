"""A channel that sends plain text by SMTP."""

import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from jeonju.common.errors import UnavailableError
from jeonju.response.notify.notification import Notification
from jeonju.rules.channels import Email, read_secret

ANSWERS_WITHIN_S: Final = 20.0
STATES: Final = {
    "raised": ("발생", "raised"),
    "repeated": ("지속", "still lasts"),
    "closed": ("처리 완료", "closed"),
    "ended": ("종료", "ended"),
}
SEVERITIES: Final = {"info": ("정보", "info"), "warning": ("주의", "warning"), "critical": ("위험", "critical")}
FOOTER: Final = (
    "보급형 측정기의 참고용 자료이며 국가측정망의 공식 자료가 아닙니다.",
    "Low-cost instruments: for reference only, not official values of the national network.",
)


def open_mail(settings: Email) -> Callable[[Notification, datetime], None]:
    """Return what sends a notification; it raises UnavailableError when the server does not take it.

    Raises UserError when there is no password.
    """
    password = None if settings.password is None else read_secret(settings.password)

    def send(notification: Notification, now: datetime) -> None:
        try:
            with _connected(settings) as server:
                if settings.user is not None and password is not None:
                    server.login(settings.user, password)
                server.send_message(message(notification, settings, now))
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"{settings.host}:{settings.port} does not take mail: {_reason(error)}") from error

    return send


def message(notification: Notification, settings: Email, now: datetime) -> EmailMessage:
    """Return the mail; its Message-ID is the same whenever the same states are told."""
    language = ("ko", "en").index(settings.language)
    title = (notification.title_ko, notification.title_en)[language]
    states = {STATES[one.state.split("-")[0]][language] for one in notification.due}
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    severity, place = SEVERITIES[notification.severity][language], notification.zone or notification.site
    mail["Subject"] = f"[{severity}] {title} ({', '.join(sorted(states))}) {place}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{notification.id}@{settings.sender.split('@')[1]}>"
    # No answering machine answers this.
    mail["Auto-Submitted"] = "auto-generated"
    lines = [_line(one.alert, STATES[one.state.split("-")[0]][language], settings.language) for one in notification.due]
    mail.set_content("\n".join([*lines, "", FOOTER[language]]) + "\n")
    return mail


def _line(alert: dict[str, Any], state: str, language: str) -> str:
    return f"{alert['started_at']} {state}: {alert[f'summary_{language}']} (runbook: {alert['runbook']})"


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
