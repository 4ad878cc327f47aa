"""The contract that every store keeps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.records import (
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
)
from jeonju.export import pieces
from jeonju.response.journal import Journal
from jeonju.storage.duckdb.schema import SCHEMA_VERSION
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit, LetterChoice, Series, Store
from tests.storage.letters import as_written

T0 = datetime(2026, 3, 2, tzinfo=UTC)
NUMBERS = count()


def row(device: str = "a", second: float = 0, *, site: str = "jeonju", **values: Any) -> dict[str, Any]:
    return {"site": site, "device": device, "time": T0 + timedelta(seconds=second), "received_at": T0, **values}


def commit(*rows: dict[str, Any]) -> Commit:
    return Commit(readings=readings_table(rows))


def everything(store: Store, **series: Any) -> list[dict[str, Any]]:
    return store.readings(
        Series(**{"site": "jeonju", "start": T0 - timedelta(days=9), "end": T0 + timedelta(days=9), **series})
    ).to_pylist()


def test_values_come_back_exactly(store: Store) -> None:
    values: dict[str, Any] = {key: 1 / (number + 3) for number, key in enumerate(KEYS)}
    store.write(
        commit(row(seq=7, boot="x", lat=35.8, lon=127.1, quality='{"pm25":["bad","range"]}', extra='{"a":1}', **values))
    )
    (back,) = everything(store)
    assert {key: back[key] for key in KEYS} == values
    assert (back["time"], back["seq"], back["boot"], back["lat"], back["lon"]) == (T0, 7, "x", 35.8, 127.1)
    assert (back["quality"], back["extra"]) == ('{"pm25":["bad","range"]}', '{"a":1}')


def test_zero_is_a_value_and_absence_is_none(store: Store) -> None:
    store.write(commit(row(pm25=0.0)))
    (back,) = everything(store)
    assert back["pm25"] == 0.0
    assert back["pm10"] is None


def test_same_device_and_instant_merge_into_one_row(store: Store) -> None:
    store.write(commit(row(pm25=1.0, co=0.4), row(second=5, pm25=3.0)))
    store.write(commit(row(pm25=2.0, no2=0.02)))
    rows = everything(store)
    assert len(rows) == 2
    assert (rows[0]["pm25"], rows[0]["co"], rows[0]["no2"]) == (2.0, 0.4, 0.02)


def test_rows_are_ordered_and_bounded_by_time_device_and_limit(store: Store) -> None:
    store.write(commit(*(row(device, second, pm25=float(second)) for second in (3, 1, 2) for device in ("b", "a"))))
    found = everything(store, start=T0 + timedelta(seconds=1), end=T0 + timedelta(seconds=3))
    assert [(item["device"], item["pm25"]) for item in found] == [("a", 1.0), ("b", 1.0), ("a", 2.0), ("b", 2.0)]
    assert [item["device"] for item in everything(store, devices=("b",))] == ["b"] * 3
    assert len(everything(store, limit=2)) == 2


def test_other_sites_stay_apart(store: Store) -> None:
    store.write(commit(row(pm25=1.0), row(site="elsewhere", pm25=2.0)))
    assert [item["pm25"] for item in everything(store)] == [1.0]
    assert store.latest("elsewhere").to_pylist()[0]["pm25"] == 2.0


def test_means_over_intervals_average_angles_as_directions(store: Store) -> None:
    store.write(
        commit(
            row(second=0, pm25=1.0, wind_direction=350.0),
            row(second=30, pm25=3.0, wind_direction=30.0),
            row(second=60, pm25=9.0),
        )
    )
    first, second = everything(store, every_s=60)
    assert first["pm25"] == 2.0
    assert first["wind_direction"] == pytest.approx(10.0)
    assert (second["time"], second["pm25"], second["wind_direction"]) == (T0 + timedelta(seconds=60), 9.0, None)


def test_named_quantities_are_read(store: Store) -> None:
    """Others may be, too; what says which reading it is always is."""
    store.write(commit(row(second=0, pm25=1.0, co=0.4), row(second=30, pm25=3.0, co=0.6)))
    for every_s, values in ((None, [1.0, 3.0]), (60, [2.0])):
        rows = everything(store, every_s=every_s, quantities=("pm25",))
        assert [item["pm25"] for item in rows] == values
        assert {item["co"] for item in rows} <= {None, 0.4, 0.5, 0.6}
        assert rows[0]["time"] == T0


def test_everything_is_there_after_reopening(open_named: Callable[[str], Store]) -> None:
    first = open_named("twice")
    first.write(commit(row(pm25=1.0), row(second=9, pm25=2.0)))
    first.close()
    second = open_named("twice")
    assert second.latest("jeonju").to_pylist()[0]["pm25"] == 2.0
    second.write(commit(row(second=9, co=0.5)))
    assert len(everything(second)) == 2
    second.close()


def test_devices_ledger_and_dead_letters_are_kept(store: Store) -> None:
    device = DeviceRecord("jeonju", "a", "palbok", "station", "real", "online", T0)
    entry = LedgerEntry("jeonju", "a", "b1", 9, 10, 1, 2, 3, 4)
    letter = DeadLetter(T0, "air/x", b"\xff{", "is not JSON")
    store.write(Commit(devices=[device], ledger=[entry], dead_letters=[letter]))
    store.write(Commit(devices=[device._replace(state="offline")], ledger=[entry._replace(received=11)]))
    assert store.devices("jeonju") == [device._replace(state="offline")]
    assert store.ledger("jeonju") == [entry._replace(received=11)]
    assert as_written(store.dead_letters()) == [letter]


def alert(number: int, ended: datetime | None = None) -> AlertRecord:
    started = T0 + timedelta(hours=number)
    return AlertRecord(
        f"id{number}",
        "jeonju",
        "smoke",
        "critical",
        "a",
        None,
        started,
        started,
        ended,
        1.0,
        None,
        "pm25",
        "연기",
        "smoke",
        "{}",
    )


def test_alert_can_lose_a_value(store: Store) -> None:
    store.write_alerts([alert(1)._replace(zone="palbok", limit=3.0)])
    store.write_alerts([alert(1)._replace(value=None, quantity=None, device=None)])
    assert store.alerts("jeonju") == [alert(1)._replace(value=None, quantity=None, device=None)]


def test_whole_and_foreign_numbers_do_for_any_number(store: Store) -> None:
    store.write_alerts([alert(1)._replace(value=3, limit=np.float64(0.25))])
    store.write_alerts([alert(2)._replace(value=2.5, limit=1)])
    assert [(item.value, item.limit) for item in store.alerts("jeonju")] == [(2.5, 1.0), (3.0, 0.25)]


def test_dead_letters_of_one_instant_are_all_kept(store: Store) -> None:
    letters = [DeadLetter(T0, "air/x", bytes([number % 256]), f"reason {number // 7}") for number in range(300)]
    later = DeadLetter(T0 + timedelta(seconds=1), "air/x", b"", "")
    store.write(Commit(dead_letters=[*letters, later]))
    assert as_written(store.dead_letters(limit=1)) == [later]
    assert sorted(as_written(store.dead_letters(limit=1000))) == sorted([*letters, later])


def test_limit_cuts_by_device_within_an_instant(store: Store) -> None:
    store.write(commit(*(row(device, pm25=1.0) for device in "dbca")))
    store.write(commit(row("a", 1, pm25=2.0)))
    assert [item["device"] for item in everything(store, limit=2)] == ["a", "b"]
    assert everything(store, limit=0) == []


def test_means_keep_to_the_limit_and_to_common_intervals(store: Store) -> None:
    store.write(commit(*(row(device, second, pm25=float(second)) for second in range(0, 28, 2) for device in "ab")))
    rows = everything(store, every_s=7, start=T0 + timedelta(seconds=1), limit=3)
    assert [item["device"] for item in rows] == ["a", "b", "a"]
    assert [(item["time"] - datetime(2000, 1, 3, tzinfo=UTC)).total_seconds() % 7 for item in rows] == [0, 0, 0]
    assert rows[2]["time"] - rows[0]["time"] == timedelta(seconds=7)


@pytest.mark.parametrize("every_s", [None, 7, 3600])
def test_a_span_in_pieces_is_what_one_question_gives(
    store: Store, every_s: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(commit(*[row(device, 37 * step, pm25=float(step)) for step in range(300) for device in "ab"]))
    wanted = Series(site="jeonju", start=T0 + timedelta(seconds=3), end=T0 + timedelta(days=2), every_s=every_s)
    monkeypatch.setattr(pieces, "MOST_ROWS", 100)
    tables = [piece.rows for piece in pieces.pieces_of(store, wanted) if piece.rows is not None]
    assert len(tables) > 1 or every_s == 3600
    assert pa.concat_tables(tables).to_pylist() == store.readings(wanted).to_pylist()


def test_alerts_are_updated_by_id_and_found_by_state_and_time(store: Store) -> None:
    ended = alert(1, T0 + timedelta(hours=2))
    store.write_alerts([alert(1), alert(5)])
    store.write_alerts([ended])
    assert store.alerts("jeonju") == [alert(5), ended]
    assert store.alerts("jeonju", active=True) == [alert(5)]
    assert store.alerts("jeonju", active=False) == [ended]
    assert store.alerts("jeonju", since=T0 + timedelta(hours=3)) == [alert(5)]
    assert (store.alert(ended.id), store.alert(alert(5).id), store.alert("nobody's")) == (ended, alert(5), None)


@pytest.mark.parametrize("name", ["one", 'it\'s \\ "one" = 1, 하나'])
def test_one_alert_is_found_by_its_id(store: Store, name: str) -> None:
    wanted = alert(1)._replace(id=name)
    assert store.alert(name) is None
    store.write_alerts([wanted, alert(2), alert(3)._replace(id="none", site="elsewhere")])
    assert store.alert(name) == wanted
    store.write_alerts([wanted._replace(value=2.0, severity="warning")])
    assert store.alert(name) == wanted._replace(value=2.0, severity="warning")
    assert store.alert("none") == alert(3)._replace(id="none", site="elsewhere")
    assert store.alert("") is None


def test_incidents_are_updated_by_id_and_found_by_state_and_time(store: Store) -> None:
    first = IncidentRecord(
        "one",
        "jeonju",
        "open",
        "fire",
        "critical",
        "palbok",
        T0,
        T0,
        None,
        35.85,
        127.1,
        120.0,
        None,
        0.8,
        "화재",
        "Fire",
        "{}",
        400.0,
    )
    second = first._replace(
        id="two", opened_at=T0 + timedelta(hours=1), lat=None, lon=None, radius_m=None, radius_90_m=None
    )
    closed = first._replace(state="closed", closed_at=T0 + timedelta(hours=2), updated_at=T0 + timedelta(hours=2))
    store.write_incidents([first, second])
    store.write_incidents([closed])
    assert store.incidents("jeonju") == [second, closed]
    assert store.incidents("jeonju", active=True) == [second]
    assert store.incidents("jeonju", active=False) == [closed]
    assert store.incidents("jeonju", since=T0 + timedelta(hours=3)) == [second]
    assert store.incidents("elsewhere") == []
    assert [store.incident(name) for name in ("one", "two", "three")] == [closed, second, None]


def test_journal_is_kept_in_the_order_of_time_and_a_repeat_is_harmless(store: Store) -> None:
    entry = JournalEntry("b", "jeonju", T0, "kim", "comment", "one", '{"text": "어디서 나는 연기?"}')
    later = entry._replace(id="a", done_at=T0 + timedelta(seconds=1), action="close")
    other = entry._replace(id="c", done_at=T0 + timedelta(seconds=2), subject="two")
    store.write_journal([later, other])
    store.write_journal([entry, later])
    assert store.journal("jeonju") == [entry, later, other]
    assert store.journal("jeonju", subject="one") == [entry, later]
    assert store.journal("jeonju", since=later.done_at) == [later, other]
    assert store.journal("elsewhere") == []


def test_journal_entries_of_one_instant_are_in_the_order_in_which_they_were_made(store: Store) -> None:
    journal = Journal("jeonju", store, lambda: T0)
    entries = [journal.entry("comment", "one", "kim", {"number": number}) for number in range(30)]
    journal.write(*entries[:15])
    journal.write(*entries[15:])
    assert journal.read("one") == entries


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 12),
        st.dictionaries(st.sampled_from(["pm25", "co", "no2"]), st.floats(0, 9), min_size=1),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=st.lists(ROWS, min_size=1, max_size=6))
def test_any_order_of_repeats_late_and_partial_rows_gives_the_same_as_a_dictionary(
    store: Store, batches: list[Any]
) -> None:
    site = f"any{next(NUMBERS)}"
    model: dict[tuple[str, int], dict[str, float]] = {}
    for batch in batches:
        store.write(commit(*(row(device, second, site=site, **values) for device, second, values in batch)))
        for device, second, values in batch:
            model.setdefault((device, second), {}).update(values)
    rows = everything(store, site=site)
    found = {
        (item["device"], int((item["time"] - T0).total_seconds())): {
            k: item[k] for k in ("pm25", "co", "no2") if item[k] is not None
        }
        for item in rows
    }
    assert len(rows) == len(model)
    # Of two values for one quantity at one instant in one batch either may win; everything else is determined.
    repeated = {(d, s) for batch in batches for d, s, _ in batch if sum((d, s) == (x, y) for x, y, _ in batch) > 1}
    assert {key: set(value) for key, value in found.items()} == {key: set(value) for key, value in model.items()}
    assert {k: v for k, v in found.items() if k not in repeated} == {
        k: v for k, v in model.items() if k not in repeated
    }
    for key, latest in ((item["device"], item) for item in store.latest(site).to_pylist()):
        assert int((latest["time"] - T0).total_seconds()) == max(second for device, second in model if device == key)


def test_file_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    DuckDBStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET schema_version = 999")
    with pytest.raises(UserError, match=rf"newer version \(schema 999, this one knows {SCHEMA_VERSION}\); upgrade"):
        DuckDBStore(path)


def test_older_file_gains_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    DuckDBStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE readings DROP COLUMN ch4")
    store = DuckDBStore(path)
    store.write(commit(row(ch4=2.0)))
    assert everything(store)[0]["ch4"] == 2.0
    store.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [("text.duckdb", b"no database, just text that is long enough to be looked at"), ("dir.duckdb", None)],
)
def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be opened as a store|is no DuckDB file") as caught:
        DuckDBStore(path)
    assert "\n" not in str(caught.value)


def test_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(UserError, match="no store is of the kind 'mysql'"):
        open_store("mysql://x")


def test_failed_commit_leaves_nothing_and_the_store_goes_on(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    store.write(commit(row(pm25=1.0)))
    bad = Commit(readings=readings_table([row(second=1, pm25=2.0)]), ledger=[("too", "short")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="argument"):
        store.write(bad)
    assert len(everything(store)) == 1
    store.write(commit(row(second=1, pm25=3.0)))
    assert [item["pm25"] for item in everything(store)] == [1.0, 3.0]
    store.close()


def test_empty_answers_have_the_schema(store: Store) -> None:
    assert store.latest("nowhere").schema == READINGS
    assert store.readings(Series(site="nowhere", start=T0, end=T0 + timedelta(1))).schema == READINGS


def letters_at(*seconds: float, topic: str = "air/x", reason: str = "is not JSON") -> list[DeadLetter]:
    return [DeadLetter(T0 + timedelta(seconds=at), topic, f"{at:g}".encode(), reason) for at in seconds]


def test_dead_letters_have_ids_in_the_order_of_arrival_and_are_found_by_them(store: Store) -> None:
    same = [DeadLetter(T0, "air/x", bytes([number]), "same instant") for number in range(20)]
    store.write(Commit(dead_letters=[*letters_at(3, 2), *same]))
    store.write(Commit(dead_letters=letters_at(1)))
    found = store.letters_in_order(limit=100)
    ids = [letter.id for letter in found]
    assert ids == sorted(set(ids))
    assert [letter.payload for letter in found] == [*(letter.payload for letter in same), b"1", b"2", b"3"]
    assert [store.dead_letter(letter.id) for letter in found] == found
    assert store.dead_letter("x") is store.dead_letter("1772409600000000000-999") is None
    pages, after = [], ""
    while page := store.letters_in_order(after=after, limit=3, payloads=False):
        pages += page
        after = page[-1].id
    assert pages == [letter._replace(payload=b"") for letter in found]


def test_dead_letters_are_chosen_by_time_topic_and_reason(store: Store) -> None:
    odd = letters_at(1, topic="v3/a.b/up", reason="No [[gateways]] entry / 'none'\nof it")
    store.write(Commit(dead_letters=[*letters_at(2, 3), *odd, *letters_at(4, topic="v3")]))

    def found(**choice: Any) -> list[bytes]:
        letters = store.dead_letters(choice=LetterChoice(**choice))
        assert letters[::-1] == store.letters_in_order(LetterChoice(**choice), limit=10)
        return [letter.payload for letter in letters]

    assert found(since=T0 + timedelta(seconds=3)) == [b"4", b"3"]
    assert found(topic="v3/#") == [b"4", b"1"]
    assert found(topic="v3/+/up") == found(topic="+/a.b/up") == [b"1"]
    assert found(topic="#") == [b"4", b"3", b"2", b"1"]
    assert found(topic="v3/aab/up") == found(topic="v3/+") == found(topic="up") == []
    assert found(reason="ENTRY / 'none'") == found(reason="[[gateways]]") == [b"1"]
    assert found(reason="json", since=T0 + timedelta(seconds=3)) == [b"4", b"3"]


def test_replay_of_a_dead_letter_is_asked_for_and_marked_in_the_commit(store: Store) -> None:
    store.write(Commit(dead_letters=letters_at(1, 2, 3)))
    first, second, third = store.letters_in_order(limit=9)
    asked = LetterChoice(is_asked=True)
    assert store.letters_in_order(asked, limit=9) == []
    store.mark_letters([LetterMark(letter.id, T0, None, letter.reason) for letter in (second, third)])
    assert store.letters_in_order(asked, limit=9) == [second._replace(asked_at=T0), third._replace(asked_at=T0)]
    later = T0 + timedelta(hours=1)
    marks = [
        LetterMark(second.id, None, later, second.reason),
        LetterMark(third.id, None, None, "is still not JSON"),
        LetterMark("1772409600000000000-007", None, later, "of a letter that is gone"),
    ]
    store.write(Commit(readings=commit(row(pm25=1.0)).readings, letter_marks=marks))
    taken, refused = second._replace(replayed_at=later), third._replace(reason="is still not JSON")
    assert store.letters_in_order(limit=9) == [first, taken, refused]
    assert store.letters_in_order(asked, limit=9) == []
    assert store.letters_in_order(LetterChoice(replayed_since=later), limit=9) == [taken]
    assert store.dead_letter(taken.id) == taken


def test_incident_of_schema_6_has_no_radius_of_nine_tenths(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    DuckDBStore(path).close()
    texts = "'one', 'jeonju', 'open', 'fire', 'critical', 'palbok'"
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE incidents DROP COLUMN radius_90_m")
        connection.execute(
            f"INSERT INTO incidents VALUES ({texts}, now(), now(), NULL, 35.85, 127.1, 120, NULL, 0.8, '', '', '{{}}')"
        )
        connection.execute("UPDATE meta SET schema_version = 6")
    store = DuckDBStore(path)
    (found,) = store.incidents("jeonju")
    assert (found.radius_m, found.radius_90_m) == (120.0, None)
    store.close()


def test_dead_letters_of_schema_5_get_ids_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    store = DuckDBStore(path)
    same = [DeadLetter(T0, "air/x", b"%d" % number, "r") for number in range(3)]
    store.write(Commit(dead_letters=[*letters_at(5), *same, same[0]]))
    store.close()
    with duckdb.connect(str(path)) as connection:
        for name in ("id", "asked_at", "replayed_at"):
            connection.execute(f"ALTER TABLE dead_letters DROP COLUMN {name}")
        connection.execute("UPDATE meta SET schema_version = 5")
    store = DuckDBStore(path)
    found = store.letters_in_order(limit=9)
    assert [letter.payload for letter in found] == [b"0", b"1", b"2", b"0", b"5"]
    assert len({letter.id for letter in found}) == 5
    store.close()
    store = DuckDBStore(path)
    store.write(Commit(dead_letters=letters_at(6)))
    assert store.letters_in_order(limit=9)[:5] == found
    store.close()
