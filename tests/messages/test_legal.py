"""The words that the law asks for."""

from jeonju.messages import legal


def test_instrument_is_named_with_its_grade() -> None:
    assert legal.label("grade-1") == (
        "간이측정기(성능인증 1등급), 참고용",
        "low-cost instrument (certified, grade 1), reference only",
    )


def test_note_names_every_grade_once_in_a_fixed_order() -> None:
    korean, english = legal.note(["none", "grade-1", "none"])
    assert korean == (
        "간이측정기(성능인증 1등급; 성능인증 등급 없음)의 참고용 자료이며 국가 대기오염측정망의 공식 자료가 아닙니다."
    )
    assert english == (
        "Low-cost instruments (certified, grade 1; no certified grade): "
        "for reference only, not official values of the national network."
    )


def test_note_without_instruments_says_that_there_is_no_grade_and_the_plain_one_none() -> None:
    assert "성능인증 등급 없음" in legal.note([])[0]
    assert legal.note()[1] == "Low-cost instruments: for reference only, not official values of the national network."
