"""What clients say that they take is understood as RFC 9110 has it, whatever they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.api.negotiation import has_already, language_of, takes_gzip


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        ("gzip", True),
        ("deflate, GZIP ; q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("br", False),
        ("", False),
        ("gzip;q=much", False),
        ("x-gzip", False),
    ],
)
def test_gzip(said: str, takes: bool) -> None:
    assert takes_gzip([(b"accept-encoding", said.encode())]) is takes


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("", "ko"),
        ("*", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("ko;q=0.2, en-GB;q=0.3", "en"),
        ("fr-FR,fr;q=0.9", "en"),
        ("fr, *;q=0.1", "ko"),
        ("ko;q=0", "en"),
        ("en;q=0, ko", "ko"),
        ("korean", "en"),
    ],
)
def test_language(said: str, language: str) -> None:
    assert language_of([(b"accept-language", said.encode())]) == language


def test_names_in_several_headers_count_together() -> None:
    assert takes_gzip([(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")])
    assert has_already([(b"if-none-match", b'"a"'), (b"if-none-match", b'W/"b", "c"')], b'"b"')
    assert has_already([(b"if-none-match", b" * ")], b'"b"')
    assert not has_already([(b"if-none-match", b'"ab"'), (b"if-match", b'"b"')], b'"b"')


@given(st.binary(max_size=400))
def test_anything_may_be_said(said: bytes) -> None:
    takes_gzip([(b"accept-encoding", said)])
    language_of([(b"accept-language", said)])
