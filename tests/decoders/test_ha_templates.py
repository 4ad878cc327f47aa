"""Home Assistant's templates: what they give of a payload, and what is not understood."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.decoders.ha_discovery.template import DEEPEST, LONGEST_TEMPLATE, parse
from jeonju.decoders.ha_discovery.values import MISSING, Scope, TemplateError
from tests.decoders.discovery import CONFIG, PM25, Home, value_of

PAYLOAD = json.dumps(
    {"x": 23.456, "t": "7,5", "a": {"b.c": 3, "l": [1, 2]}, "n": None, "s": "12.5 °C", "one": 1, "z": 0}
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ value_json.x }}", 23.456),
        ("{{- value_json.x -}}", 23.456),
        ("{{value_json['a']['b.c']}}", 3),
        ("{{ value_json.x | float | round(1) }}", 23.5),
        ("{{ value_json.x | round(1, 'floor') }}", 23.4),
        ("{{ (value_json.x * 0.1) | round(2) }}", 2.35),
        ("{{ value_json.x*0.1|round(2) }}", 2.3456),
        ("{{ -value_json.x|abs }}", 23.456),
        ("{{ value_json.missing | default(value_json.x) }}", 23.456),
        ("{{ value_json.a.l[1] }}", 2),
        ("{{ value_json.a.l.0 }}", 1),
        ("{{ value_json.get('x') | int }}", 23),
        ("{{ ((float(value_json.one) * 99)|round(0)) + 1 }}", 100),
        ("{{ 100 if value_json.one == 1 else 10 }}", 100),
        ("{{ value_json.t|replace(',','.')|float }}", 7.5),
        ("{{ value_json.s }}", "12.5 °C"),
        ("{{ value_json.one }} °C", "1 °C"),
        ("{{ value.split(':')[1] | trim }}", '23.456, "t"'),
        ("{% set v = value_json.x %}{{ v / 2 }}", 11.728),
        ("{% if value_json.x is defined %}{{ value_json.x }}{% endif %}", 23.456),
        ("{% if value_json.z %}{{ 1 }}{% elif 'x' in value_json %}{{ value_json.x }}{% else %}2{% endif %}", 23.456),
        ("{{ value_json.z or 0 }}", 0),
        ("{{ (value_json.x|float(0) - 32) * 5 / 9 }}", -4.74666666),
        ("{{ value_json.x | multiply(2) | add(1) }}", 47.912),
        ("{# nothing #}{{ value_json.one }}", 1),
    ],
)
def test_template(template: str, expected: Any) -> None:
    assert parse(template).render(Scope(PAYLOAD)) == (
        pytest.approx(expected) if not isinstance(expected, str) else expected
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.missing }}",
        "{{ value_json.n }}",
        "{{ value_json.missing.deeper[3] * 2 }}",
        "{{ value_json.missing | float(0) }}",
        "{{ value_json.missing | float(default=0) | round(1) }}",
        "{{ value_json.missing | default(0) }}",
        "{{ value_json.get('missing', 0) }}",
        "{{ value_json.missing or 0 }}",
        "{{ value_json.x if value_json.missing is defined else 0 }}",
        "{% if value_json.missing is defined %}{{ value_json.missing }}{% else %}0{% endif %}",
        "",
    ],
)
def test_filler_for_a_missing_value_is_none(template: str) -> None:
    assert parse(template).render(Scope(PAYLOAD)) is MISSING


@pytest.mark.parametrize(
    "template",
    [
        "{{ states('sensor.x') }}",
        "{{ that.state }}",
        "{{ value_json.x ** 9 }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{{ ''.__class__.__mro__ }}{{ cycler() }}",
        "{{ value_json.__class__() }}",
        "{{ value.format(1) }}",
        "{{ value_json.x | unknown }}",
        "{{ value_json.x is prime }}",
        "{{ value_json.x ",
        "{{ value_json. }}",
        "{{ ( }}",
        "{{ 'x }}",
        "{{ }}",
        "{% if value %}",
        "{% if value %}{% else %}",
        "{% endif %}",
        "{% set 3 = 4 %}",
        "{{ " + "(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1) + " }}",
        "{{ " + "+".join(["value"] * 100) + " }}",
        "x" * (LONGEST_TEMPLATE + 1),
    ],
)
def test_template_that_is_not_understood(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.x / 0 }}",
        "{{ value_json.s * 2 }}",
        "{{ value_json.x | round(99) }}",
        "{{ value.replace('2', '22') }}",
        "{{ 1e999 }}",
        "{{ value_json.a < value_json.x }}",
        "{{ value.split('') }}",
    ],
)
def test_template_that_cannot_be_applied(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template).render(Scope(PAYLOAD))


def words() -> Iterator[str]:
    yield from (
        "value",
        "value_json",
        ".x",
        "['a']",
        "|",
        "float",
        "round",
        "(",
        ")",
        "0",
        "1.5",
        "+",
        "-",
        "*",
        "/",
        "%",
    )
    yield from (
        "if",
        "else",
        "is",
        "defined",
        "not",
        "and",
        "or",
        "in",
        "{{",
        "}}",
        "{%",
        "%}",
        "{% if",
        "{% endif %}",
        "'",
        "[",
    )
    yield from ("default", ",", "==", "<", "]", "set", "=", "none", ".split", ".get", "replace", " ")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(list(words())), max_size=40).map(" ".join) | st.text(max_size=60), st.text(max_size=30))
@example("{{ value_json.x }}", "[" * 3000)
@example("{{ - " * 150, "1")
@example("{{ " + "not " * 200 + "value }}", "1")
def test_any_template_gives_a_value_or_one_error(template: str, payload: str) -> None:
    with suppress(TemplateError, RejectedError):
        parse(template).render(Scope(payload))


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ '%.1f' | format(value_json.t | float) }}", {"t": "4.52"}),
        ("{{ '%0.1f' % (value_json.t | float / 10) }}", {"t": 45.2}),
        ("{{ iif(value_json.t > 0x7FFF, value_json.t - 0x10000, value_json.t) / 10 }}", {"t": 45}),
        ("{{ value_json.ok | iif(value_json.t, 0) }}", {"t": 4.5, "ok": True}),
        ("{{ value_json.t if value_json.t not in ['', 'nan', None] else none }}", {"t": 4.5}),
        ("{{ value_json.t if value_json else this.state }}", {"t": 4.5}),
        ("{{ max(value_json.t, value_json.least) }}", {"t": 4.5, "least": -1}),
        ("{{ [value_json.t, value_json.most] | min }}", {"t": 4.5, "most": 100}),
        ("{{ value_json.whole ~ '.' ~ value_json.part }}", {"whole": 4, "part": 5}),
    ],
)
def test_more_of_jinja(template: str, payload: Any) -> None:
    assert value_of(value_template=template, payload=payload) == {"a1b2": {"pm25": pytest.approx(4.5)}}


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ iif(value_json.t is defined, value_json.t, 0) }}", {}),
        ("{{ value_json.t ~ '0' }}", {}),
        ("{{ '%.1f' % value_json.t }}", {"t": None}),
        ("{{ max(value_json.t, 0) }}", {}),
        ("{{ value_json.t if value_json.t not in ['nan'] else none }}", {"t": "nan"}),
        ("{{ this.state }}", {"t": 4}),
    ],
)
def test_what_is_missing_stays_so(template: str, payload: Any) -> None:
    assert value_of(value_template=template, payload=payload) == {}


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%s' | format(value_json.t) }}",
        "{{ '%1000f' % value_json.t }}",
        "{{ iif(value_json.t) }}",
        "{{ value_json.t ~ value }}",
    ],
)
def test_format_that_is_no_number_gives_no_value(template: str) -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"value_template": template})
    decoding = home.hear("home/porch", {"t": 1})
    assert not any(item.values for item in decoding.readings)
    assert decoding.flags


@pytest.mark.parametrize(
    ("template", "payload", "expected"),
    [
        ("{{ value[:-2] | float }}", "3.5°C", 3.5),
        ("{{ value[2:] }}", "t=3.5", "3.5"),
        ("{{ value_json.all[1:3] | sum }}", {"all": [1, 2, 3, 4]}, 5.0),
        ("{{ value_json.all | average }}", {"all": [1, 2, 6]}, 3.0),
        ("{{ (value_json.all | sum) / (value_json.all | length) }}", {"all": [1, 2, 6]}, 3.0),
        ("{{ value_json.get('a', {}).get('t') or value_json.get('b', {}).get('t') }}", {"b": {"t": 3.5}}, 3.5),
        ("{{ value_json.get('a', {}).get('t') }}", {"b": 1}, MISSING),
        ("{{ value_json.t if value_json.t | is_number else none }}", {"t": "3.5"}, "3.5"),
        ("{{ value_json.t if value_json.t | is_number else none }}", {"t": "warm"}, MISSING),
        ("{{ value_json.t | round(1, default=0) }}", {"t": 3.54}, 3.5),
        ("{{ value_json.t | round(1, default=0) }}", {}, MISSING),
    ],
)
def test_parts_of_texts_and_lists_and_defaults_of_members(template: str, payload: Any, expected: Any) -> None:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    found = parse(template).render(Scope(text))
    assert found is MISSING if expected is MISSING else found == expected


@pytest.mark.parametrize("template", ["{{ value['a':] }}", "{{ value[:value_json.x] }}"])
def test_part_that_is_cut_by_no_number_cannot_be_applied(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template).render(Scope("{}"))
