"""The words of a template's expressions."""

import re
from typing import Final

from jeonju.decoders.ha_discovery.values import TemplateError

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]{1,16}|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<mark>==|!=|<=|>=|//|[-+*/%|.,()\[\]<>=~:]|\{\}))"""
)
END: Final = ("end", "")


def tokens(text: str) -> list[tuple[str, str]]:
    """Return kind and text of all tokens, and their end; raises TemplateError for what is none."""
    found, end, text = list[tuple[str, str]](), 0, text.strip()
    while end < len(text):
        token = _TOKEN.match(text, end)
        if token is None or token.lastgroup is None:
            raise TemplateError(f"{text[end : end + 20]!r} is not understood")
        found.append((token.lastgroup, token[token.lastgroup]))
        end = token.end()
    return [*found, END, END]


def number(text: str) -> float:
    """Return the number that a token is."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return int(text) if text.isdecimal() else float(text)
