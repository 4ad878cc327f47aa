"""Whatever stands in a filter: an answer, or a line that says what is wrong; bounded work, never a failure."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeonju.api.sensorthings.evaluation import Evaluation
from jeonju.api.sensorthings.expression import (
    DEEPEST,
    FUNCTIONS,
    LONGEST_CHARACTERS,
    MOST_CLAUSES,
    MOST_PARTS,
    ExpressionError,
    parse,
)
from jeonju.api.sensorthings.options import DEEPEST_EXPAND
from tests.api.small_city import NOW

VALUES: dict[str, Any] = {
    "result": 20.0,
    "nothing": None,
    "far": float("inf"),
    "none": float("nan"),
    "name": "it's",
    "time": NOW,
    "flag": True,
    "place": {"type": "Point", "coordinates": [127, 35]},
    "broken": {"type": "Point"},
    "list": [1],
}
LITERALS = ("1", "-2.5", "1e300", "0", "'x'", "'it''s'", "''", "true", "null", "2026-03-04T12:00:00Z", "2026-03-04", "12:30:00", "duration'P1D'",
            "geography'POINT (127 35)'", "geography'POLYGON EMPTY'", "geography'LINESTRING (0 0, 1 1)'", "geography'POINT (nan nan)'")  # fmt: skip
OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "add", "sub", "mul", "div", "mod")
ANY_TEXT = st.text(max_size=60) | st.lists(
    st.sampled_from([*LITERALS, *OPERATORS, *FUNCTIONS, *VALUES, "not", "(", ")", ",", "'", "/", " "]), max_size=30
).map(" ".join)


def expressions() -> st.SearchStrategy[str]:
    """Expressions that can be read, of any types."""

    def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        joined = st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: f"({' '.join(parts)})")
        called = st.sampled_from(sorted(FUNCTIONS)).flatmap(
            lambda name: st.lists(inner, min_size=FUNCTIONS[name][0], max_size=FUNCTIONS[name][1]).map(
                lambda given: f"{name}({', '.join(given)})"
            )
        )
        return joined | called | inner.map(lambda text: f"not ({text})")

    return st.recursive(st.sampled_from([*LITERALS, *VALUES]), longer, max_leaves=12)


@given(ANY_TEXT)
def test_any_text_is_an_expression_or_explained_in_one_line(text: str) -> None:
    said = ""
    try:
        parse(text)
    except ExpressionError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 1000


@given(expressions())
@settings(max_examples=300)
def test_every_expression_has_a_value_whatever_its_types(text: str) -> None:
    evaluation = Evaluation(lambda entity, segments: [entity.get(segments[0])], NOW)
    try:
        node = parse(text)
    except ExpressionError:
        return
    [value] = evaluation.values(node, VALUES)
    assert evaluation.holds(node, VALUES) is (value is True)


@given(text=ANY_TEXT | expressions(), option=st.sampled_from(["$filter", "$orderby", "$expand", "$select", "$top", "$skiptoken"]),
       path=st.sampled_from(["Things", "Observations", "Datastreams('palbok-01:pm25')/Observations", "HistoricalLocations"]))  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_option_is_answered_or_refused(client: TestClient, text: str, option: str, path: str) -> None:
    answer = client.get(f"/sta/v1.1/{path}", params={option: text})
    assert answer.status_code in (200, 400), answer.text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_is_answered_or_refused(client: TestClient, path: str) -> None:
    assert client.get(f"/sta/v1.1/Observations{quote(path)}").status_code in (200, 204, 400, 404)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("$filter", " or ".join(["result gt 1"] * (2 * MOST_CLAUSES)), f"$filter: has more than {MOST_CLAUSES} comparisons"),
        ("$filter", "(" * (DEEPEST + 1) + "true" + ")" * (DEEPEST + 1), f"$filter: is nested deeper than {DEEPEST} levels"),
        ("$filter", " ".join(["not"] * MOST_PARTS) + " true", f"$filter: has more than {MOST_PARTS} parts"),
        ("$filter", "1 add " * 60 + "1 eq 2", "$filter: has more than 50 calculations"),
        ("$filter", "x" * (LONGEST_CHARACTERS + 1), f"$filter: is longer than {LONGEST_CHARACTERS} characters"),
        ("$filter", "result gt", "$filter: ends where a value should be"),
        ("$filter", "result gt 1)", "$filter: has ')' where it should end"),
        ("$filter", "colour eq 'red'", "$filter: Observations have no 'colour'; they have id, phenomenonTime, result"),
        ("$filter", "exec('x') eq 1", "$filter: names a function that is not known: 'exec'; known are substringof"),
        ("$filter", "round() eq 1", "$filter: gives round 0 arguments; it takes 1"),
        ("$filter", "phenomenonTime gt 2026-02-30T00:00:00Z", "$filter: has a value that cannot be read"),
        ("$filter", "st_within(FeatureOfInterest/feature, geography'here')", "it is no well-known text"),
        ("$filter", "Datastream/Thing/Datastreams/Observations/result gt 1", "filter Observations themselves"),
        ("$filter", "Datastream eq 1", "$filter: Datastream is no value; name one of its properties, such as Datastream/id"),
        ("$orderby", ",".join(["result"] * 6), "$orderby: has more than 5 keys"),
        ("$expand", "Sensor", "$expand: Observations have no link 'Sensor'; they have Datastream, FeatureOfInterest"),
        ("$expand", "Datastream/Observations/" * 4 + "Datastream", f"$expand: is nested deeper than {DEEPEST_EXPAND} levels"),
        ("$expand", "Datastream($skiptoken=1)", "$expand: has '$skiptoken' where an option such as $top=1 should be"),
        ("$select", "colour", "$select: Observations have no 'colour'"),
        ("$skip", "1000000", "$skip: at most 100000; filter by phenomenonTime instead"),
        ("$skiptoken", "1", "$skiptoken: is none of ours"),
    ],
)  # fmt: skip
def test_what_is_wrong_or_too_much_is_said_in_one_line(
    client: TestClient, option: str, value: str, message: str
) -> None:
    answer = client.get("/sta/v1.1/Observations", params={option: value})
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
