"""The words of the report."""

from typing import get_args

import pytest

from api.dispatch.visit import Outcome
from api.incidents.report import WORDS


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_of_a_visit_has_words_in_both_languages(outcome: str) -> None:
    korean, english = WORDS[outcome]
    assert english == outcome
    assert any("가" <= letter <= "힣" for letter in korean)
