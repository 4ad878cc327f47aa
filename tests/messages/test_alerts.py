"""The sentences of alerts: facts in, Korean and English out, word for word."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.alerts import KINDS, Labels, with_words
from jeonju.rules.rules import shipped_rules

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
TITLE = shipped_rules().title
REFERENCE_KO, REFERENCE_EN = "(간이측정기 참고용)", "(low-cost instrument, reference only)"
FIRE = {"class": "fire", "classes": {"fire": 0.974, "dust": 0.026}, "confidence": 0.974}


def alert(kind: str, **facts: Any) -> AlertRecord:
    """Return an alert as detection hands it out: facts only."""
    details = json.dumps(facts.pop("details", {}))
    given: dict[str, Any] = {"device": None, "zone": None, "value": None, "limit": None, "quantity": None, **facts}
    return AlertRecord(
        f"jeonju-{kind}",
        "jeonju",
        kind,
        "warning",
        started_at=AT,
        updated_at=AT,
        ended_at=None,
        summary_ko="",
        summary_en="",
        details=details,
        **given,
    )


SENTENCES: dict[str, tuple[AlertRecord, str, str]] = {
    "cai": (
        alert(
            "cai",
            device="palbok-01",
            value=165.9,
            details={"grade": "bad", "sub_indices": {"pm25": 165.9}, "pollutant": "pm25"},
        ),
        f"추천대교 남쪽: 통합대기환경지수 166 (나쁨), 주오염물질 초미세먼지 {REFERENCE_KO}",
        f"South of Chucheon bridge: CAI 166 (Bad), led by PM2.5 {REFERENCE_EN}",
    ),
    "pm10-advisory": (
        alert(
            "pm10-advisory",
            zone="innovation",
            value=420.0,
            quantity="pm10",
            details={"level": "warning", "scope": "zone"},
        ),
        f"혁신도시: 미세먼지 경보 수준 (시간평균 420.0 µg/m³) {REFERENCE_KO}",
        f"Innovation City: PM10 warning level (hourly mean 420.0 µg/m³) {REFERENCE_EN}",
    ),
    "pm25-advisory": (
        alert(
            "pm25-advisory",
            device="palbok-01",
            zone="palbok",
            quantity="pm25",
            details={"level": "advisory", "scope": "station"},
        ),
        f"추천대교 남쪽: 초미세먼지 주의보 수준 (시간평균 자료 없음) {REFERENCE_KO}",
        f"South of Chucheon bridge: PM2.5 advisory level (no hourly mean now) {REFERENCE_EN}",
    ),
    "o3-advisory": (
        alert(
            "o3-advisory",
            zone="innovation",
            value=0.13,
            quantity="o3",
            details={"level": "serious-warning", "scope": "zone"},
        ),
        f"혁신도시: 오존 중대경보 수준 (시간평균 0.1300 ppm) {REFERENCE_KO}",
        f"Innovation City: O₃ serious warning level (hourly mean 0.1300 ppm) {REFERENCE_EN}",
    ),
    "asian-dust": (
        alert("asian-dust", value=420.0, quantity="pm10", details={"level": "caution"}),
        f"황사 위기경보 '주의' 수준 (시간평균 420.0 µg/m³) {REFERENCE_KO}",
        f"Asian dust crisis, stage “caution” (hourly mean 420.0 µg/m³) {REFERENCE_EN}",
    ),
    "forecast": (
        alert(
            "forecast",
            device="palbok-01",
            value=48.0,
            limit=35.0,
            quantity="pm25",
            details={"probability": 0.62, "hours_ahead": 5, "history_hours": 2000, "is_forecast": True},
        ),
        "추천대교 남쪽: 약 5시간 뒤 초미세먼지 35 µg/m³ 초과 예측, 확률 62 % (측정값이 아닌 예측)",
        "South of Chucheon bridge: PM2.5 forecast above 35 µg/m³ in about 5 h, 62 % probable (a forecast, not measured)",
    ),
    "odour": (
        alert(
            "odour",
            device="palbok-02",
            value=0.12,
            limit=0.06,
            quantity="h2s",
            details={"class": "industrial", "area": "industrial"},
        ),
        f"제1산단 서문: 황화수소 10분 평균 0.1200 ppm, 악취 배출허용기준 0.06 ppm {REFERENCE_KO}",
        f"First complex, west gate: H₂S 0.1200 ppm over 10 min, odour limit 0.06 ppm {REFERENCE_EN}",
    ),
    "smoke": (
        alert(
            "smoke",
            device="palbok-03",
            value=22.2,
            quantity="pm25",
            details=FIRE | {"rises": {"co": 0.1021, "pm25": 22.1998, "pm10": 24.8643}},
        ),
        "팔복동 중앙: 연기·화재 의심 97 % (평소와 주변보다 초미세먼지 +22.2 µg/m³, 미세먼지 +24.9 µg/m³, 일산화탄소 +0.102 ppm)",
        "Centre of Palbok-dong: Smoke or fire, 97 % sure (above its usual level and the network: PM2.5 +22.2 µg/m³, PM10 +24.9 µg/m³, CO +0.102 ppm)",
    ),
    "smoke seen by a camera and by a neighbour": (
        alert(
            "smoke",
            device="robot-3",
            value=140.2,
            quantity="thermal_max",
            details=FIRE
            | {
                "rises": {"thermal_max": 140.2},
                "supported_by": ["palbok-01"],
                "supporters": [{"device": "palbok-01", "distance_m": 350.4, "downwind_m": -340.0}],
            },
        ),
        "팔복동 순찰: 연기·화재 의심 97 % (평소와 주변보다 열화상 140 °C, 바람 방향으로 350 m 거리의 추천대교 남쪽에서도 감지)",
        "Palbok-dong loop: Smoke or fire, 97 % sure (above its usual level and the network: thermal camera sees 140 °C, South of Chucheon bridge, 350 m away in line with the wind, shows it too)",
    ),
    "dust": (
        alert(
            "dust",
            device="palbok-02",
            value=163.0,
            quantity="pm10",
            details={"class": "dust", "confidence": 0.999, "rises": {"pm10": 163.0132}},
        ),
        "제1산단 서문: 국지적 먼지 100 % (평소와 주변보다 미세먼지 +163.0 µg/m³)",
        "First complex, west gate: Local dust, 100 % sure (above its usual level and the network: PM10 +163.0 µg/m³)",
    ),
    "release": (
        alert(
            "release",
            device="palbok-02",
            value=0.0366,
            quantity="h2s",
            details={"class": "industrial", "confidence": 0.982, "rises": {"h2s": 0.0366}},
        ),
        "제1산단 서문: 가스·악취 누출 의심 98 % (평소와 주변보다 황화수소 +0.0366 ppm)",
        "First complex, west gate: Gas release or odour, 98 % sure (above its usual level and the network: H₂S +0.0366 ppm)",
    ),
    "silent": (
        alert("silent", device="palbok-01", details={"offline": False, "silent_s": 300.0}),
        "추천대교 남쪽: 5분째 자료 없음",
        "South of Chucheon bridge: nothing heard for 5 min",
    ),
    "silent for hours": (
        alert("silent", device="palbok-01", details={"offline": True, "silent_s": 7200.0}),
        "추천대교 남쪽: 2시간째 자료 없음",
        "South of Chucheon bridge: nothing heard for 2 h",
    ),
    "many-silent": (
        alert("many-silent", value=5.0, details={"devices": ["palbok-01"], "known": 7}),
        "장비 7대 중 5대가 동시에 무응답: 통신망·게이트웨이·전원 확인",
        "5 of 7 devices fell silent at once: look at network, gateway and power",
    ),
    "stuck": (
        alert(
            "stuck",
            device="palbok-02",
            quantity="pm25",
            details={"reasons": {"pm25": "the same value for 30 min", "co": "the same value for 30 min"}},
        ),
        "제1산단 서문: 측정값 고착 (초미세먼지, 일산화탄소)",
        "First complex, west gate: Stuck, PM2.5, CO: the same value for 30 min",
    ),
    "drifting": (
        alert("drifting", device="palbok-02", quantity="o3", details={"reasons": {"o3": "far above its neighbours"}}),
        "제1산단 서문: 측정값 편차 (오존)",
        "First complex, west gate: Apart from others, O₃: far above its neighbours",
    ),
    "drifting where a robot passed": (
        alert(
            "drifting",
            device="robot-3",
            value=65.0,
            quantity="pm25",
            details={"collocation": {"quantity": "pm25", "own": 65.0, "other": 18.36, "median": 17.95}},
        ),
        "팔복동 순찰: 측정값 편차 (초미세먼지 65.0 µg/m³, 지나칠 때 상대 장비 18.4 µg/m³, 전체 중앙값 17.9 µg/m³)",
        "Palbok-dong loop: Apart from others, PM2.5 65.0 µg/m³ where what passed it saw 18.4 µg/m³ (median of all 17.9 µg/m³)",
    ),
    "out-of-range": (
        alert(
            "out-of-range",
            device="palbok-02",
            quantity="co",
            details={"reasons": {"co": "outside the plausible range"}},
        ),
        "제1산단 서문: 측정범위 이탈 (일산화탄소)",
        "First complex, west gate: Outside the plausible range, CO: outside the plausible range",
    ),
    "clock-skew": (
        alert("clock-skew", device="palbok-02", details={"reasons": {"time": "clock 2 h ahead of arrival"}}),
        "제1산단 서문: 시계 오차",
        "First complex, west gate: Clock wrong: clock 2 h ahead of arrival",
    ),
    "clock-skew of an older version": (
        alert("clock-skew", device="palbok-02"),
        "제1산단 서문: 시계 오차",
        "First complex, west gate: Clock wrong",
    ),
    "battery-low": (
        alert("battery-low", device="robot-3", value=12.0, limit=15.0, quantity="battery"),
        "팔복동 순찰: 배터리 부족 (12 %)",
        "Palbok-dong loop: Battery low (12 %)",
    ),
    "repeats": (
        alert("repeats", device="palbok-02", value=0.5, limit=0.2),
        "제1산단 서문: 중복 전송 과다 (메시지의 50%)",
        "First complex, west gate: Too many repeats, 50% of its messages",
    ),
    "no-data": (alert("no-data"), "모든 장비의 자료가 끊겼습니다", "No device is heard"),
    "broker-away": (alert("broker-away"), "MQTT 브로커에 연결할 수 없습니다", "The MQTT broker cannot be reached"),
    "store-away": (
        alert("store-away"),
        "저장소에 연결할 수 없습니다. 다른 경보는 연결될 때까지 보류됩니다",
        "The store cannot be reached; other alerts are held back until it can",
    ),
    "a fault by codes": (
        alert(
            "stuck",
            device="palbok-02",
            quantity="pm25",
            details={"flags": {"pm25": ["stuck", {"for_s": 1800.0}], "co": ["stuck", {"for_s": 1800.0}]}},
        ),
        "제1산단 서문: 측정값 고착 (초미세먼지, 일산화탄소: 측정값 고착: 30분 동안 같은 값)",
        "First complex, west gate: Stuck, PM2.5, CO: stuck: the same value for 30 min",
    ),
    "a threshold": (
        alert(
            "no2-hour",
            device="palbok-01",
            value=0.1133,
            limit=0.1,
            quantity="no2",
            details={"limit": "korea-1h", "side": "above"},
        ),
        "추천대교 남쪽: 이산화질소 1시간 환경기준 초과 (0.1133 ppm, 0.1000 ppm 초과)",
        "South of Chucheon bridge: NO₂ above the 1-hour standard (0.1133 ppm, above 0.1000 ppm)",
    ),
    "a threshold from below, of a rule that is gone": (
        alert("cold", device="palbok-01", value=-12.4, limit=-10.0, quantity="temperature", details={"side": "below"}),
        "추천대교 남쪽: cold (-12.4 °C, -10.0 °C 미만)",
        "South of Chucheon bridge: cold (-12.4 °C, below -10.0 °C)",
    ),
    "a threshold of the index": (
        alert("my-index", device="palbok-01", value=151.3, limit=150.0, details={"side": "above"}),
        "추천대교 남쪽: my-index (151, 150 초과)",
        "South of Chucheon bridge: my-index (151, above 150)",
    ),
    "a threshold without a value": (
        alert("so2-hour", device="palbok-01", limit=0.15, quantity="so2", details={"side": "above", "missing": True}),
        "추천대교 남쪽: 아황산가스 1시간 환경기준 초과 (값 없음)",
        "South of Chucheon bridge: SO₂ above the 1-hour standard (no value)",
    ),
    "an unknown device": (
        alert("silent", device="new-1", details={"silent_s": 60.0}),
        "new-1: 1분째 자료 없음",
        "new-1: nothing heard for 1 min",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_facts_become_sentences(jeonju: Site, name: str) -> None:
    facts, korean, english = SENTENCES[name]
    said = with_words(facts, Labels(jeonju), TITLE)
    assert (said.summary_ko, said.summary_en) == (korean, english)


def test_every_built_in_kind_has_its_sentence_above() -> None:
    assert set(KINDS) <= {facts.kind for facts, _, _ in SENTENCES.values()}


def test_reasons_of_smoke_stand_in_its_details_in_both_languages(jeonju: Site) -> None:
    facts, _, _ = SENTENCES["smoke seen by a camera and by a neighbour"]
    details = json.loads(with_words(facts, Labels(jeonju)).details)
    assert details["reasons_ko"] == ["열화상 140 °C", "바람 방향으로 350 m 거리의 추천대교 남쪽에서도 감지"]
    assert details["reasons_en"][0] == "thermal camera sees 140 °C"
    assert details | json.loads(facts.details) == details


def test_what_another_instrument_saw_is_a_reason_of_its_drift(jeonju: Site) -> None:
    facts, _, _ = SENTENCES["drifting where a robot passed"]
    details = json.loads(with_words(facts, Labels(jeonju)).details)
    assert details["reasons"] == {"pm25": "65.0 µg/m³ against 18.4 µg/m³ in passing"}


def test_alert_that_has_its_sentences_keeps_them_and_its_details(jeonju: Site) -> None:
    stored = alert("smoke", device="palbok-03", details={"class": "fire", "reasons_en": ["as then"]})._replace(
        summary_ko="그때의 문장", summary_en="the sentence of then"
    )
    assert with_words(stored, Labels(jeonju)) is stored


@pytest.mark.parametrize("broken", [alert("cai", device="palbok-01"), alert("odour", device="palbok-01", value=1.0)])
def test_alert_whose_facts_are_missing_still_has_words_and_is_logged(
    jeonju: Site, broken: AlertRecord, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        said = with_words(broken, Labels(jeonju))
    assert said.summary_en.startswith("South of Chucheon bridge: ")
    assert said.summary_ko.startswith("추천대교 남쪽: ")
    assert broken.id in caplog.text
