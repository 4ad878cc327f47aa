"""Quality flags in words: of codes, and of the words that earlier versions stored."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.quality import CODES, Flag, Reason, decode_flags, encode_flags
from jeonju.messages.catalogue import LANGUAGES, Language
from jeonju.messages.quality import duration, quality_in_words, words

# What versions before codes stored, and the codes that it is read as.
EARLIER = [
    ("co", "outside the plausible range", Reason.of("out-of-range")),
    ("pm25", "3.4e+38 or more, left out of means", Reason.of("too-large", limit=3.4e38)),
    (
        "pm25",
        "jumped from 23.6 to 422.9 µg/m³ within 1 s",
        Reason.of("step", before=23.6, after=422.9, within_s=1),
    ),
    ("voc_index", "jumped from 90 to 480 within 10 s", Reason.of("step", before=90.0, after=480.0, within_s=10)),
    ("no2", "stuck: the same value for 30 min", Reason.of("stuck", for_s=1800)),
    (
        "o3",
        "for 30 min far above its 6 neighbours: 0.0900 against 0.0300 ppm",
        Reason.of("neighbours", for_s=1800, others=6, mean=0.09, median=0.03),
    ),
    (
        "temperature",
        "for 30 min far below its 5 neighbours: -2.0 against 4.5 °C",
        Reason.of("neighbours", for_s=1800, others=5, mean=-2.0, median=4.5),
    ),
    (
        "pm10",
        "humidity 81 %: wet particles read about 1.9 times too high, unless the inlet is heated",
        Reason.of("humid", percent=81, factor=1.9),
    ),
    (
        "pm10",
        "humidity 97 %: wet particles read more than 3.3 times too high, fog counts as dust",
        Reason.of("fog", percent=97, factor=3.3),
    ),
    ("time", "clock 9 h ahead of arrival", Reason.of("clock-ahead", by_s=32_400)),
    ("time", "clock 15 min behind arrival", Reason.of("clock-behind", by_s=900)),
    ("time", "clock stands still while readings arrive", Reason.of("clock-frozen")),
    ("time", "impossible time, time of arrival taken", Reason.of("impossible-time")),
    ("radon", "unknown quantity, kept as extra", Reason.of("unknown-quantity")),
    ("radon", "not a number, kept as extra", Reason.of("not-a-number")),
    ("extra", "1 unknown member dropped: more than is kept of a reading", Reason.of("members-dropped", count=1)),
    ("extra", "7 unknown members dropped: more than is kept of a reading", Reason.of("members-dropped", count=7)),
    (
        "extra",
        "flags and unknown members dropped: they, or those of its neighbours, are too large to be read",
        Reason.of("unreadable"),
    ),
    ("pm10", "AirKorea: 점검및교정", Reason.of("sender", sender="AirKorea", says="점검및교정")),
    ("pm10", "a gust of dragons", Reason.of("other", text="a gust of dragons")),
]


@pytest.mark.parametrize(("key", "stored", "reason"), EARLIER, ids=lambda value: str(value)[:30])
def test_words_of_earlier_versions_are_read_as_codes_and_shown_as_they_were(
    key: str, stored: str, reason: Reason
) -> None:
    text = json.dumps({key: ["suspect", stored]})
    assert decode_flags(text) == {key: Flag("suspect", (reason,))}
    assert quality_in_words(text) == {key: ["suspect", stored]}


# What no earlier version said, with the words of today.
NEW = [
    (
        "pm10",
        "6553.5 is a filler value: instruments send it for no value, or at the end of their scale",
        Reason.of("filler", value=6553.5),
    ),
    (
        "humidity",
        "4294967295 is a filler value: instruments send it for no value, or at the end of their scale",
        Reason.of("filler", value=4294967295.0),
    ),
    (
        "pm25",
        "PM2.5 above PM10 in the same reading, though part of it: one of them is wrong",
        Reason.of("pm-order", smaller="pm25", larger="pm10"),
    ),
    ("position", "impossible position, the known place stays", Reason.of("impossible-position")),
    ("position", "no fix of the position, the known place stays", Reason.of("no-fix")),
    (
        "pm25",
        "52.0 µg/m³ as measured, corrected as agreed by gain 1.25 and offset 2.0 µg/m³",
        Reason.of("corrected", measured=52.0, gain=1.25, offset=2.0),
    ),
    ("co", "the unit mg/m3 does not fit, kept as extra", Reason.of("unit-does-not-fit", unit="mg/m3")),
]
TODAY = [*EARLIER, *NEW]


@pytest.mark.parametrize(("key", "expected", "reason"), NEW, ids=lambda value: str(value)[:30])
def test_codes_are_said_in_words(key: str, expected: str, reason: Reason) -> None:
    assert quality_in_words(encode_flags({key: Flag("suspect", (reason,))})) == {key: ["suspect", expected]}


def test_every_code_is_among_these_with_its_parameters() -> None:
    assert {reason.code for _, _, reason in TODAY} == CODES.keys()
    for _, _, reason in TODAY:
        assert tuple(dict(reason.parameters)) == CODES[reason.code]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("key", "stored", "reason"), TODAY, ids=lambda value: str(value)[:30])
def test_every_code_has_words_in_both_languages(key: str, stored: str, reason: Reason, language: Language) -> None:
    said = words(key, reason, language)
    assert said
    assert not said.startswith(f"{reason.code} ")
    assert (said == stored) == (language == "en" or reason.code in ("sender", "other"))


def test_several_reasons_are_joined() -> None:
    both = Flag("suspect", (Reason.of("humid", percent=93, factor=2.6), Reason.of("stuck", for_s=1800)))
    severity, said = quality_in_words(encode_flags({"pm25": both}))["pm25"]
    assert severity == "suspect"
    assert said.endswith("unless the inlet is heated; stuck: the same value for 30 min")


def test_code_of_a_later_version_is_shown_as_it_is() -> None:
    assert quality_in_words('{"pm25":["suspect",[["haunted",{"by":"a ghost"}],["stuck",{}]]]}') == {
        "pm25": ["suspect", "haunted by=a ghost; stuck"]
    }


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [(45, "45 s", "45초"), (1800, "30 min", "30분"), (21_600, "6 h", "6시간"), (259_200, "3 d", "3일")],
)
def test_duration(seconds: float, english: str, korean: str) -> None:
    assert (duration(seconds, "en"), duration(seconds, "ko")) == (english, korean)


PARAMETER = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)


@given(
    st.dictionaries(
        st.sampled_from(["pm25", "time", "x"]),
        st.tuples(
            st.sampled_from(["suspect", "bad", "?"]),
            st.lists(
                st.tuples(
                    st.sampled_from([*CODES, "?"]),
                    st.dictionaries(
                        st.sampled_from(sorted({name for names in CODES.values() for name in names})), PARAMETER
                    ),
                ),
                max_size=3,
            ),
        ),
    )
)
def test_whatever_codes_are_stored_there_are_words(stored: dict[str, object]) -> None:
    for severity, reason in quality_in_words(json.dumps(stored)).values():
        assert severity in ("suspect", "bad", "?")
        assert isinstance(reason, str)


def test_korean_sentences_hold_the_same_facts() -> None:
    reason = Reason.of("step", before=23.6, after=422.9, within_s=1)
    assert re.findall(r"[\d.]+", words("pm25", reason, "ko")) == ["1", "23.6", "422.9"]
