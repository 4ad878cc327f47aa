"""The catalogue: every message stands in both languages with the same facts, and what is missing is loud."""

from collections.abc import Iterator

import pytest
from fluent.syntax import FluentParser, ast

from jeonju.messages.alerts import KINDS, kind_title
from jeonju.messages.catalogue import LANGUAGES, CatalogueError, Language, both, files, text


def entries(language: Language) -> dict[str, ast.Message]:
    """Return every message of a language; a message that stands twice or is no Fluent fails."""
    found: dict[str, ast.Message] = {}
    for path in files(language):
        for entry in FluentParser().parse(path.read_text(encoding="utf-8")).body:
            assert not isinstance(entry, ast.Junk), f"{path}: {entry.content}"
            if isinstance(entry, ast.Message):
                assert entry.id.name not in found, f"{path}: {entry.id.name} stands twice"
                found[entry.id.name] = entry
    return found


def facts_of(node: object, known: dict[str, ast.Message], *, chosen_by: bool) -> Iterator[str]:
    """Yield the name of every fact in a pattern and in the messages it refers to; with `chosen_by` also those that only choose a variant."""
    if isinstance(node, ast.VariableReference):
        yield node.id.name
    elif isinstance(node, ast.MessageReference):
        yield from facts_of(known[node.id.name].value, known, chosen_by=chosen_by)
    elif isinstance(node, ast.SelectExpression) and not chosen_by:
        yield from facts_of(node.variants, known, chosen_by=chosen_by)
    elif isinstance(node, ast.BaseNode):
        for value in vars(node).values():
            yield from facts_of(value, known, chosen_by=chosen_by)
    elif isinstance(node, list):
        for value in node:
            yield from facts_of(value, known, chosen_by=chosen_by)


def messages(language: Language, *, chosen_by: bool) -> dict[str, set[str]]:
    """Return the facts of every message of a language."""
    known = entries(language)
    return {name: set(facts_of(entry.value, known, chosen_by=chosen_by)) for name, entry in known.items()}


def test_every_message_stands_in_both_languages_and_shows_the_same_facts() -> None:
    assert messages("ko", chosen_by=False)
    assert messages("ko", chosen_by=False) == messages("en", chosen_by=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_can_be_formatted_with_its_facts_and_not_without_one(language: Language) -> None:
    shown = messages(language, chosen_by=False)
    for message, facts in messages(language, chosen_by=True).items():
        words = text(message, {fact: f"<{fact}>" for fact in facts}, language)
        assert all(f"<{fact}>" in words for fact in shown[message])
        for missing in facts:
            with pytest.raises(CatalogueError, match=missing):
                text(message, dict.fromkeys(facts - {missing}, "x"), language)


def test_message_that_is_missing_is_named() -> None:
    with pytest.raises(CatalogueError, match="'no-such-message' in ko"):
        text("no-such-message", {}, "ko")


def test_pair_of_facts_goes_to_its_own_language() -> None:
    assert both("plain", place=("팔복동", "Palbok-dong"), what="X") == ("팔복동: X", "Palbok-dong: X")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_title_of_its_own_in_both_languages(kind: str) -> None:
    korean, english = kind_title(kind)
    assert any("가" <= letter <= "힣" for letter in korean)
    assert english.isascii()
