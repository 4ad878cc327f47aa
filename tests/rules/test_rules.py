"""Rules as data: every shipped one fires where it must and is silent where it must be, and every mistake in a file is named with its line."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.messages.alerts import KINDS
from jeonju.rules.rule import Threshold
from jeonju.rules.rules import load_rules, shipped_rules
from tests.detection.feeding import T0
from tests.detection.timelines import Case, Cases, Change, play

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("cases")
SHIPPED = sorted(shipped_rules().rules)


def cases(kind: str) -> Cases:
    return Cases.model_validate(tomllib.loads((CASES / f"{kind}.toml").read_text(encoding="utf-8")))


def all_cases(sort: str) -> list[object]:
    kinds = [kind for kind in SHIPPED if (CASES / f"{kind}.toml").exists()]
    return [
        pytest.param(kind, case, id=f"{kind}: {case.name}") for kind in kinds for case in getattr(cases(kind), sort)
    ]


@pytest.mark.parametrize("kind", SHIPPED)
def test_every_shipped_rule_has_firing_and_silent_cases_a_title_and_a_heading_in_the_runbook(kind: str) -> None:
    assert cases(kind).firing
    assert cases(kind).silent
    assert all(case.raised for case in cases(kind).firing)
    assert f"\n## {shipped_rules().runbook(kind)}\n" in (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert kind not in shipped_rules().title(kind)
    assert f"`{kind}`" in (ROOT / "docs/alerts.md").read_text(encoding="utf-8")


def test_every_built_in_kind_has_a_rule() -> None:
    assert set(KINDS) <= set(SHIPPED)


@pytest.mark.parametrize(("kind", "case"), all_cases("firing"))
def test_rule_fires(jeonju: Site, kind: str, case: Case) -> None:
    alerts = [alert for alert in play(jeonju, shipped_rules(), case) if alert.kind == kind]
    for expected in case.raised:
        (alert,) = [alert for alert in alerts if (alert.device or alert.zone or "all") == expected.place]
        late = alert.started_at - T0 - timedelta(hours=expected.after_h)
        assert timedelta(0) <= late <= timedelta(seconds=expected.within_s)
        assert (alert.ended_at is None) == case.lasts


@pytest.mark.parametrize(("kind", "case"), all_cases("silent"))
def test_rule_is_silent(jeonju: Site, kind: str, case: Case) -> None:
    assert [alert.id for alert in play(jeonju, shipped_rules(), case) if alert.kind == kind] == []


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rules.smok]\nfor = '2m'", "rules.toml:1: rules.smok is no kind of alert"),
        ("[rules.silent]\n\nfor = 'ever'", "rules.toml:3: rules.silent.for is no duration"),
        ("[rules.silent]\nfor = '2d'", "rules.toml:2: rules.silent.for "),
        ("[rules.silent]\nloud = true", "rules.toml:2: rules.silent.loud is not a known setting"),
        ("[rules.silent]\nseverity = 'bad'", "rules.toml:2: rules.silent.severity"),
        (
            "[rules.silent]\ninhibited_by = ['nodata']",
            "rules.toml:2: rules.silent.inhibited_by names 'nodata', which is no kind",
        ),
        ("[rules.silent]\ninhibited_by = ['silent']", "rules.toml:2: rules.silent.inhibited_by names the rule itself"),
        (
            "[rules.silent]\nquantity = 'pm25'\nabove = 1",
            "rules.toml:1: rules.silent is built in and cannot be a threshold",
        ),
        ("[rules.x]\nquantity = 'smell'\nabove = 1", "rules.toml:2: rules.x.quantity is no known quantity"),
        ("[rules.x]\nquantity = 'snr'\nabove = 1", "rules.toml:2: rules.x.quantity is not watched"),
        (
            "[rules.x]\nquantity = 'pm25'\nabove = '35 ppm'",
            "rules.toml:3: rules.x.above is in ppm, but pm25 is in µg/m³",
        ),
        ("[rules.x]\nquantity = 'pm25'\nabove = 'korea-1h'", "rules.toml:3: rules.x.above is no number with a unit"),
        (
            "[rules.x]\nquantity = 'pm25'\nabove = 'korea-1h'",
            "limits with a name: korea-24h, who-24h, us-24h, advisory, warning",
        ),
        (
            "[rules.x]\nquantity = 'pm25'\nmean_over = '1h'\nabove = 'korea-24h'",
            "rules.toml:4: rules.x.above is a limit for means over 86400 s",
        ),
        ("[rules.x]\nquantity = 'pm25'\nabove = true", "rules.toml:3: rules.x.above must be a number"),
        ("[rules.x]\nquantity = 'pm25'\nabove = nan", "rules.toml:3: rules.x.above is no number"),
        (
            "[rules.x]\nquantity = 'pm25'\nabove = 35\nclear_at = 40",
            "rules.toml:1: rules.x would clear at 40 while 35 still raises it",
        ),
        (
            "[rules.x]\nquantity = 'pm25'\nbelow = 35\nclear_at = 30",
            "rules.toml:1: rules.x would clear at 30 while 35 still raises it",
        ),
        ("[rules.x]\nquantity = 'pm25'", "rules.toml:1: rules.x needs either above or below"),
        ("[rules.x]\nabove = 35", "rules.toml:1: rules.x needs either quantity or index"),
        (
            "[rules.x]\nindex = 'cai'\nabove = 35\nmean_over = '1h'",
            "rules.toml:1: rules.x has mean_over, but an index is a mean",
        ),
        ("[rules.x]\nquantity = 'pm25'\nabove = 35\nmissing = 'panic'", "rules.toml:4: rules.x.missing"),
        ("[rules.x]\nquantity = 'pm25'\nabove = 35\ndevices = []", "rules.toml:4: rules.x.devices"),
        ("[[channels]]\ntype = 'pigeon'\nname = 'a'", "rules.toml:1: channels[0]"),
        ("[[channels]]\ntype = 'webhook'\nname = 'a'\nsecret = 'env:X'", "rules.toml:1: channels[0].url is missing"),
        (
            "[[channels]]\ntype = 'webhook'\nname = 'a'\nurl = 'ftp://x'\nsecret = 'env:X'",
            "rules.toml:4: channels[0].url",
        ),
        (
            "[[channels]]\ntype = 'email'\nname = 'a'\nhost = 'x'\nsender = 'a@b'\nto = ['nobody']",
            "rules.toml:6: channels[0].to",
        ),
        (
            "[[channels]]\ntype = 'email'\nname = 'a'\nhost = 'x'\nsender = 'a@b'\nto = ['c@d']\nuser = 'u'\npassword = 'env:P'\nsecurity = 'none'",
            "rules.toml:1: channels[0] would send its password in the clear",
        ),
        (
            "[[channels]]\ntype = 'webhook'\nname = 'a'\nurl = 'http://x'\nsecret = 'env:X'\n[[channels]]\ntype = 'webhook'\nname = 'a'\nurl = 'http://x'\nsecret = 'env:X'",
            "rules.toml:8: channels[1].name is taken twice",
        ),
        ("[rules.x\n", "is not valid TOML"),
    ],
)
def test_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        load_rules(written(tmp_path, text))
    assert message in str(raised.value)


def test_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    text = "[[channels]]\ntype = 'webhook'\nname = 'a'\nurl = 'http://x'\nsecret = 'hunter2'"
    with pytest.raises(UserError, match="must say where the secret is kept") as raised:
        load_rules(written(tmp_path, text))
    assert "hunter2" not in str(raised.value)


def test_settings_by_their_old_names_are_read_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = load_rules(written(tmp_path, "[rules.silent]\nhold = '3m'\n\nkeep = '4m'\n[rules.dust]\nfor = '5m'\n"))
    assert (rules.of("silent").for_s, rules.of("silent").keep_firing_for_s, rules.of("dust").for_s) == (180, 240, 300)
    assert "rules.toml:2: `hold` of a rule is called `for` now" in caplog.text
    assert "rules.toml:4: `keep` of a rule is called `keep_firing_for` now" in caplog.text
    assert len(caplog.records) == 2


def test_setting_by_both_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rules.toml:3: rules.silent.hold"):
        load_rules(written(tmp_path, "[rules.silent]\nfor = '3m'\nhold = '4m'"))


@given(text=st.text(max_size=60) | st.sampled_from(["[rules.x]\nabove = ", "[[rules]]", "rules = 3", "channels = {}"]))
def test_any_text_is_rules_or_a_mistake_in_one_line_each(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        load_rules(path)
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017


def test_own_file_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    rules = load_rules(
        written(
            tmp_path,
            "[rules.silent]\nkeep_firing_for = '5m'\n[rules.no2-hour]\nenabled = false\n[rules.cold]\nquantity = 'temperature'\nbelow = -12",
        )
    )
    assert (rules.of("silent").keep_firing_for_s, rules.of("silent").inhibited_by) == (
        300.0,
        shipped_rules().of("silent").inhibited_by,
    )
    assert "no2-hour" not in rules.thresholds
    assert isinstance(rules.of("no2-hour"), Threshold)
    assert (rules.thresholds["cold"].level, rules.thresholds["cold"].mean_over_s) == (-12.0, 600.0)
    assert rules.of("smoke") == shipped_rules().of("smoke")


def test_amounts_are_taken_in_the_unit_of_their_quantity(tmp_path: Path) -> None:
    text = "".join(
        f"[rules.r{n}]\nquantity = '{quantity}'\nabove = {amount!r}\n"
        for n, (quantity, amount) in enumerate(
            [("no2", "100 ppb"), ("co", "10 mg/m³"), ("so2", "350 ug/m3"), ("pm25", "0.05 mg/m3"), ("pm10", "advisory")]
        )
    )
    rules = load_rules(written(tmp_path, text)).thresholds
    # 1 mg/m³ is 24.465/28.01 ppm of CO and 24.465/64.066 ppm of SO₂ at 25 °C and 1 atm.
    assert [round(rules[f"r{n}"].level, 4) for n in range(5)] == [0.1, 8.7344, 0.1337, 50.0, 150.0]
    assert (rules["r4"].clear_level, rules["r4"].mean_over_s) == (100.0, 3600.0)


def fired(
    jeonju: Site, folder: Path, rule: str, *change: Change, hours: float = 1.6, every_s: float = 10.0
) -> list[tuple[float, float | None]]:
    """Return when alerts of the rule began and ended at palbok-01, in minutes."""
    case = Case(name="", hours=hours, every_s=every_s, change=list(change))
    alerts = play(jeonju, load_rules(written(folder, f"[rules.own]\n{rule}")), case)
    spans = [
        (alert.started_at, alert.ended_at) for alert in alerts if (alert.kind, alert.device) == ("own", "palbok-01")
    ]
    return [
        ((a - T0).total_seconds() / 60, None if b is None else (b - T0).total_seconds() / 60) for a, b in sorted(spans)
    ]


def at(from_min: float, until_min: float, *, away: bool = False, **values: float) -> Change:
    return Change(devices=["palbok-01"], from_h=from_min / 60, until_h=until_min / 60, values=values, away=away)


COLD = "quantity = 'temperature'\nbelow = 0\nmean_over = '1m'\n"


def test_hold_time_lets_short_ones_pass_and_keep_time_joins_what_comes_back(jeonju: Site, tmp_path: Path) -> None:
    visits = (at(10, 14, temperature=-5), at(40, 60, temperature=-5), at(65, 80, temperature=-5))
    plain = fired(jeonju, tmp_path, COLD, *visits)
    assert len(plain) == 3
    held = fired(jeonju, tmp_path, COLD + "for = '5m'", *visits)
    assert [begin for begin, _ in held] == [begin + 5 for begin, _ in plain[1:]]
    (kept,) = fired(jeonju, tmp_path, COLD + "for = '5m'\nkeep_firing_for = '10m'", *visits)
    assert kept[0] == held[0][0]
    assert kept[1] == (held[1][1] or 0) + 10


@pytest.mark.parametrize("every_s", [10.0, 20.0, 30.0, 60.0])
def test_hold_and_keep_time_count_readings_however_far_the_clock_is_ahead_of_them(
    jeonju: Site, tmp_path: Path, every_s: float
) -> None:
    """Readings come six at a time here, while links are looked at with every step."""
    now = "quantity = 'temperature'\nbelow = 0\nmean_over = '10s'\n"
    longer, step = at(10, 30, temperature=-5), every_s / 60
    (plain,) = fired(jeonju, tmp_path, now, longer, hours=0.8, every_s=every_s)
    (held,) = fired(jeonju, tmp_path, now + "for = '5m'", longer, hours=0.8, every_s=every_s)
    (kept,) = fired(jeonju, tmp_path, now + "keep_firing_for = '5m'", longer, hours=0.8, every_s=every_s)
    assert held == pytest.approx((plain[0] + 5, plain[1]))
    assert kept == pytest.approx((plain[0], (plain[1] or 0) + 5))
    # One reading less than five minutes: cold at 10 min and for the last time one step before 15 min.
    shorter = at(10, 15 - step / 2, temperature=-5)
    assert fired(jeonju, tmp_path, now + "for = '5m'", shorter, hours=0.5, every_s=every_s) == []
    breath = (at(10, 20, temperature=-5), at(25 - step / 2, 35, temperature=-5))
    assert len(fired(jeonju, tmp_path, now + "keep_firing_for = '5m'", *breath, hours=0.8, every_s=every_s)) == 1


def test_clear_level_keeps_an_alert_from_flapping(jeonju: Site, tmp_path: Path) -> None:
    saw = [at(10 + 4 * n, 12 + 4 * n, temperature=-1) for n in range(10)] + [
        at(12 + 4 * n, 14 + 4 * n, temperature=1) for n in range(10)
    ]
    assert len(fired(jeonju, tmp_path, COLD, *saw)) == 10
    assert len(fired(jeonju, tmp_path, COLD + "clear_at = 3", *saw)) == 1


@pytest.mark.parametrize(("missing", "spans"), [("keep", 1), ("clear", 2), ("alert", 1)])
def test_missing_data_keeps_clears_or_alerts(jeonju: Site, tmp_path: Path, missing: str, spans: int) -> None:
    gap = (at(10, 30, temperature=-5), at(30, 50, away=True), at(50, 70, temperature=-5))
    assert len(fired(jeonju, tmp_path, COLD + f"missing = '{missing}'", *gap)) == spans
    from_clean = fired(jeonju, tmp_path, COLD + f"missing = '{missing}'", at(30, 50, away=True))
    assert len(from_clean) == (1 if missing == "alert" else 0)


def test_selection_by_device_zone_and_sort(jeonju: Site, tmp_path: Path) -> None:
    for chosen, count in [
        ("devices = ['manseong-*']", 0),
        ("devices = ['palbok-0?']", 1),
        ("zones = ['inno*']", 0),
        ("zones = ['palbok']", 1),
        ("on = 'robots'", 0),
        ("on = 'stations'", 1),
    ]:
        assert len(fired(jeonju, tmp_path, COLD + chosen, at(10, 30, temperature=-5), hours=0.7)) == count, chosen


def test_rule_over_the_index(jeonju: Site, tmp_path: Path) -> None:
    hazy = Case(name="", hours=13, every_s=60.0, change=[Change(from_h=0, until_h=13, values={"pm25": 60, "pm10": 90})])
    rules = load_rules(
        written(tmp_path, "[rules.own]\nindex = 'cai'\nabove = 100\nzones = ['palbok']\nseverity = 'info'")
    )
    alerts = play(jeonju, rules, hazy)
    own = {alert.device for alert in alerts if alert.kind == "own"}
    assert own == {alert.device for alert in alerts if alert.kind == "cai" and alert.zone == "palbok"} != set()


def test_rule_that_is_switched_off_raises_nothing_and_severity_is_as_set(jeonju: Site, tmp_path: Path) -> None:
    smoke = cases("smoke").firing[0]
    off = load_rules(written(tmp_path, "[rules.smoke]\nenabled = false"))
    assert {alert.kind for alert in play(jeonju, off, smoke)} == set()
    mild = load_rules(written(tmp_path, "[rules.smoke]\nseverity = 'info'"))
    assert {alert.severity for alert in play(jeonju, mild, smoke)} == {"info"}
