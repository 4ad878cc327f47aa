"""What values are called: kinds, states, devices, zones. A value that has no name here is shown as it is."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from grafana_foundation_sdk.models.dashboard import (
    DashboardRegexMapOptions,
    DynamicConfigValue,
    RegexMap,
    ValueMap,
    ValueMappingResult,
)

from jeonju.contract.journal import JournalAction
from jeonju.contract.official import official_stations
from jeonju.grafana import city
from jeonju.grafana.language import Language
from jeonju.messages.words import word
from jeonju.rules.rules import shipped_rules

SEVERITY_COLOURS: Final = {"critical": "#d7322d", "warning": "#ff9830", "info": "#5794f2"}
GOOD, BAD, NEUTRAL = "#1fa14a", "#d7322d", "#808080"
INCIDENT_STATES: Final = ("open", "acknowledged", "confirmed", "false-alarm", "closed")
INCIDENT_CLASSES: Final = ("fire", "industrial", "dust", "traffic", "regional", "sensor fault")
OUTCOMES: Final = (
    "located",
    "nothing more to gain",
    "time is up",
    "done",
    "recalled",
    "incident closed",
    "refused",
    "lost",
    "failed",
    "forbidden",
    "on another order",
    "order forgotten",
)
# What the journal records: Korean, English.
ACTIONS: Final[dict[JournalAction, tuple[str, str]]] = {
    "acknowledge": ("확인함", "acknowledged"),
    "confirm": ("사실로 확인함", "confirmed"),
    "false-alarm": ("오경보로 판단함", "called a false alarm"),
    "assign": ("담당자 지정", "assigned"),
    "close": ("종료함", "closed"),
    "comment": ("의견", "commented"),
    "dispatch": ("로봇 출동", "robot sent"),
    "dispatch-on": ("다음 지점으로 이동", "robot goes on"),
    "dispatch-over": ("출동 끝", "mission over"),
    "send": ("출동 명령", "robot ordered out"),
    "allow": ("출동 허용", "robot allowed"),
    "forbid": ("출동 금지", "robot not allowed"),
    "recall": ("복귀 명령", "robot called back"),
    "silence": ("알림 보류", "silenced"),
    "silence-ended": ("알림 보류 해제", "silence ended"),
    "nuisance": ("알려진 배출원 등록", "known source marked"),
    "nuisance-removed": ("알려진 배출원 삭제", "known source removed"),
    "correction": ("보정 승인", "correction accepted"),
    "correction-withdrawn": ("보정 철회", "correction withdrawn"),
    "channel-opened": ("알림 채널 사용 시작", "channel opened"),
    "channel-tested": ("알림 채널 시험", "channel tested"),
    "notified": ("알림 발송", "notified"),
    "notification-refused": ("알림 발송 거절됨", "notification refused"),
    "ngsi-subscribed": ("NGSI-LD 구독 등록", "NGSI-LD subscribed"),
    "ngsi-unsubscribed": ("NGSI-LD 구독 해지", "NGSI-LD unsubscribed"),
    "request": ("관리 요청", "administrative request"),
    "what-if": ("가정 상황 계산", "what-if asked"),
}
# As `jeonju.airquality.pollutants` numbers them.
ACTIVITIES: Final = {
    "0": ("정지", "stands", NEUTRAL),
    "1": ("순찰", "patrols", GOOD),
    "2": ("출동", "on its way", "#ff9830"),
    "3": ("측정", "measures", "#8f3bb8"),
    "4": ("충전", "charges", "#5794f2"),
}


def by_value(meanings: Mapping[str, tuple[str, str | None]]) -> list[Any]:
    """Return what each value is shown as: text and colour, which may be none."""
    options = {
        value: ValueMappingResult(text=text, color=colour, index=place)
        for place, (value, (text, colour)) in enumerate(meanings.items())
    }
    return [ValueMap(options=options)]


def named(meanings: Iterable[tuple[str, str]]) -> list[Any]:
    """Return what each value is called."""
    return by_value({value: (text, None) for value, text in meanings})


def as_named(meanings: Iterable[tuple[str, str]]) -> list[DynamicConfigValue]:
    """Return how a column of such values looks."""
    return as_mapped(named(meanings))


def as_mapped(mappings: list[Any]) -> list[DynamicConfigValue]:
    """Return how a column with these names and colours looks."""
    return [DynamicConfigValue(id_val="mappings", value=mappings)]


def devices(say: Language) -> list[tuple[str, str]]:
    """Return every device of the site file and what it is called, official stations too."""
    own = [(device.name, say(device.label_ko, device.label_en) or device.name) for device in city.site().devices]
    return own + officials(say)


def officials(say: Language) -> list[tuple[str, str]]:
    """Return every station of an official network that the site file names; each is called so, with its source."""
    return [
        (device, say(f"공식(에어코리아) {name}", f"official (AirKorea) {name}"))
        for device, name in official_stations(city.site()).items()
    ]


def weather_service(say: Language) -> str:
    """Return what the device of the weather service is called."""
    return say("공식(기상청)", "official (KMA)")


def as_devices(say: Language) -> list[DynamicConfigValue]:
    """Return how a column of devices looks."""
    return as_mapped([*named(devices(say)), _alike("/^kma-.*/", weather_service(say))])


def as_subjects(say: Language) -> list[DynamicConfigValue]:
    """Return how a column of what the journal is about looks: devices, and incidents by their place."""
    return as_mapped([*named(devices(say)), _alike("/^.+-[0-9]{8}T[0-9]{6}-(.+)$/", say("사건($1)", "incident at $1"))])


def _alike(pattern: str, text: str) -> RegexMap:
    """Return what all values of a pattern are shown as."""
    return RegexMap(options=DashboardRegexMapOptions(pattern=pattern, result=ValueMappingResult(text=text)))


def zones(say: Language) -> list[tuple[str, str]]:
    """Return every zone of the site file and what it is called."""
    return [(zone.name, say(zone.label_ko, zone.label_en)) for zone in city.site().zones]


def kinds(say: Language) -> list[tuple[str, str]]:
    """Return every kind of alert that the shipped rules can raise and what it is called."""
    rules = shipped_rules()
    return [(kind, say(*rules.title(kind))) for kind in sorted(rules.kinds)]


def severities(say: Language) -> dict[str, tuple[str, str | None]]:
    """Return the severities."""
    return {key: (word("severity", key, say.code), colour) for key, colour in SEVERITY_COLOURS.items()}


def incident_states(say: Language) -> list[tuple[str, str]]:
    """Return the states of incidents."""
    return [(key, word("incident-state", key, say.code)) for key in INCIDENT_STATES]


def incident_classes(say: Language) -> list[tuple[str, str]]:
    """Return what incidents can be."""
    return [(key, word("incident-class", key, say.code)) for key in INCIDENT_CLASSES]


def actions(say: Language) -> list[tuple[str, str]]:
    """Return what the journal records."""
    return [("", "–"), *((key, say(*pair)) for key, pair in ACTIONS.items())]


def outcomes(say: Language) -> list[tuple[str, str]]:
    """Return how missions end."""
    return [(key, word("mission-outcome", key, say.code)) for key in OUTCOMES]


def activities(say: Language) -> dict[str, tuple[str, str | None]]:
    """Return what robots do."""
    return {key: (say(korean, english), colour) for key, (korean, english, colour) in ACTIVITIES.items()}


def connections(say: Language) -> dict[str, tuple[str, str | None]]:
    """Return the states of a connection."""
    return {"online": (say("연결됨", "online"), GOOD), "offline": (say("끊김", "offline"), BAD)}


def device_kinds(say: Language) -> list[tuple[str, str]]:
    """Return the kinds of devices."""
    return [("station", say("측정소", "station")), ("robot", say("로봇", "robot")), ("", "–")]


def origins(say: Language) -> list[tuple[str, str]]:
    """Return where readings can come from."""
    return [("simulated", say("모의", "simulated")), ("real", say("실측", "real"))]
