"""Templates of channels: Jinja in its sandbox, over the fields of a notification and no others."""

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What a template may use, with values to try it on. `response.notify.words` gives all of them; `to` is the receiver.
FIELDS: Final[Mapping[str, Any]] = {
    "id": "9b1c",
    "site": "jeonju",
    "kind": "smoke",
    "zone": "palbok",
    "zone_label": "팔복동",
    "severity": "critical",
    "severity_word": "위험",
    "title": "연기·화재 의심",
    "event": "발생",
    "text": "13:05 발생: 연기",
    "advice": "",
    "count": 1,
    "alerts": [
        {
            "id": "a",
            "event": "raised-critical",
            "event_word": "발생",
            "device": "palbok-03",
            "started_at": "2023-10-05T04:05:20Z",
            "ended_at": None,
            "severity": "critical",
            "value": 90.0,
            "limit": None,
            "quantity": "pm25",
            "summary": "연기",
            "runbook": "smoke",
        }
    ],
    "to": "01000000000",
}
# Made anew for each request.
OF_REQUEST: Final[Mapping[str, str]] = {
    "nonce": "0123456789abcdef0123456789abcdef",
    "timestamp": "1696478720",
    "timestamp_ms": "1696478720000",
    "date": "2023-10-05T04:05:20Z",
}
LONGEST_TEMPLATE: Final = 8192
LONGEST_TEXT: Final = 65_536


def euckr(text: str, most_bytes: int) -> str:
    """Return as much of a text as fits into so many bytes of EUC-KR, as Korean SMS count; what it lacks is replaced."""
    known = text.replace("µ", "μ").replace("₂", "2").replace("₃", "3").replace("−", "-").replace("–", "-")
    return known.encode("cp949", "replace")[: max(most_bytes, 0)].decode("cp949", "ignore")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _environment(finalize: Callable[[Any], Any]) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=finalize, autoescape=False)
    made.filters |= {"euckr": euckr, "base64": _base64}
    return made


# A value in an address cannot leave its place there.
_PLAIN: Final = _environment(lambda value: "" if value is None else value)
_IN_URL: Final = _environment(lambda value: "" if value is None else quote(str(value), safe=""))


class TextTemplate:
    """One template. Raises ValueError where it is wrong or names what is not there; `names` are known besides FIELDS and OF_REQUEST."""

    def __init__(
        self, text: str, secrets: Collection[str], names: Collection[str] = (), *, in_url: bool = False
    ) -> None:
        if len(text) > LONGEST_TEMPLATE:
            raise ValueError(f"is a template of {len(text)} letters; at most {LONGEST_TEMPLATE}")
        environment = _IN_URL if in_url else _PLAIN
        try:
            tree = environment.parse(text)
            self._template: Template = environment.from_string(text)
        except TemplateError as error:
            raise ValueError(f"is no template: {error}") from error
        _check_names(tree, {*FIELDS, *OF_REQUEST, *names}, secrets)
        self.render({**FIELDS, **OF_REQUEST, **dict.fromkeys(names, "x"), "secret": dict.fromkeys(secrets, "x")})

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text. Raises ValueError where it cannot be made."""
        try:
            made = self._template.render(values)
        # A template calls what it likes of its values, and each raises as it likes.
        except Exception as error:
            raise ValueError(f"cannot be filled in: {error}") from error
        if len(made) > LONGEST_TEXT:
            raise ValueError(f"makes {len(made)} letters; at most {LONGEST_TEXT}")
        return made


def _check_names(tree: nodes.Template, known: set[str], secrets: Collection[str]) -> None:
    """Look at every branch, also at those that no example takes."""
    if unknown := find_undeclared_variables(tree) - known - {"secret", "range"}:
        raise ValueError(
            f"names {', '.join(sorted(unknown))}, which is no field; there are: {', '.join(sorted(known))}, secret"
        )
    for found in tree.find_all(nodes.Getattr):
        if isinstance(found.node, nodes.Name) and found.node.name == "secret" and found.attr not in secrets:
            there = f"; there are: {', '.join(sorted(secrets))}" if secrets else ", as the channel has no secrets"
            raise ValueError(f"names secret.{found.attr}, which is not there{there}")
