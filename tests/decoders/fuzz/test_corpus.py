"""What the fuzzer has found (`make fuzz`) is run again, with a few new cases of each generator."""

import random

import pytest

from tests.decoders.fuzz import cases
from tests.decoders.fuzz.cases import CORPUS, FORMATS, Case
from tests.decoders.fuzz.generators import GENERATORS
from tests.decoders.fuzz.mutators import mutated

MOST_CORPUS_BYTES = 200_000


@pytest.mark.parametrize("wire_format", FORMATS)
def test_corpus_raises_nothing(wire_format: str) -> None:
    corpus = [case for case in (*cases.examples(), *cases.kept()) if case.wire_format == wire_format]
    assert corpus
    for case in corpus:
        cases.run(case)


@pytest.mark.parametrize("wire_format", GENERATORS)
def test_new_cases_raise_nothing(wire_format: str) -> None:
    dice = random.Random(14)
    generated = [GENERATORS[wire_format](dice) for _ in range(20)]
    for case in [*generated, *(mutated(case, generated, dice) for case in generated)]:
        cases.run(case)


def test_generators_make_what_is_read() -> None:
    """Else they would only try how messages are refused."""
    dice = random.Random(14)
    for wire_format, generate in GENERATORS.items():
        outcomes = [cases.run(generate(dice)) for _ in range(20)]
        # Readings, or devices.
        taken = [any(word[0] != "0" or word[-1] != "0" for word in outcome.split()) for outcome in outcomes]
        assert sum(taken) >= 5, wire_format


def test_corpus_is_small_and_its_files_are_named_by_their_content() -> None:
    files = sorted(CORPUS.glob("*.json"))
    assert sum(path.stat().st_size for path in files) < MOST_CORPUS_BYTES
    for path in files:
        case = Case.from_json(path.read_bytes())
        assert (case.name, case.to_json()) == (path.stem, path.read_bytes())
