"""What alerts say, in Korean and English."""

from typing import Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.site import Site
from jeonju.messages.legal import REFERENCE_ONLY

KINDS: Final[dict[str, tuple[str, str]]] = {
    "cai": ("대기질 나쁨", "Bad air"),
    "pm10-advisory": ("미세먼지 경보", "PM10 advisory"),
    "pm25-advisory": ("초미세먼지 경보", "PM2.5 advisory"),
    "o3-advisory": ("오존 경보", "Ozone advisory"),
    "asian-dust": ("황사 위기경보", "Asian dust crisis"),
    "odour": ("악취 기준 초과", "Odour limit exceeded"),
    "smoke": ("연기·화재 의심", "Smoke or fire"),
    "dust": ("국지적 먼지", "Local dust"),
    "release": ("가스·악취 누출 의심", "Gas release or odour"),
    "silent": ("장비 무응답", "Device silent"),
    "many-silent": ("여러 장비 동시 무응답", "Many devices silent"),
    "stuck": ("측정값 고착", "Stuck"),
    "drifting": ("측정값 편차", "Apart from others"),
    "out-of-range": ("측정범위 이탈", "Outside the plausible range"),
    "battery-low": ("배터리 부족", "Battery low"),
    "clock-skew": ("시계 오차", "Clock wrong"),
    "repeats": ("중복 전송 과다", "Too many repeats"),
    "no-data": ("자료 수신 중단", "No data at all"),
    "broker-away": ("브로커 연결 끊김", "Broker away"),
    "store-away": ("저장소 연결 끊김", "Store away"),
}
CLASSES: Final = {"smoke": "fire", "dust": "dust", "release": "industrial"}


class Labels(dict[str, tuple[str, str]]):
    """What devices and zones of a site are called, in Korean and English; a name that is not known stands for itself."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            {one.name: (one.label_ko or one.name, one.label_en or one.name) for one in (*site.zones, *site.devices)}
        )

    def __missing__(self, name: str) -> tuple[str, str]:
        return name, name


def amount(quantity: str, value: float) -> str:
    """Return a value with its unit."""
    row = QUANTITY[quantity]
    return f"{value:.{row.decimals}f} {row.unit}"


def reference_only(korean: str, english: str) -> tuple[str, str]:
    """Return what is said of the air with the words that the law asks for beside values of low-cost instruments."""
    return f"{korean} ({REFERENCE_ONLY[0]})", f"{english} ({REFERENCE_ONLY[1]})"


def reasons(rises: dict[str, float]) -> tuple[list[str], list[str]]:
    """Return in words what rose above the device's own baseline and the network, in Korean and English, the clearest signs first."""
    korean, english = [], []
    if "thermal_max" in rises:
        korean.append(f"열화상 {rises['thermal_max']:.0f} °C")
        english.append(f"thermal camera sees {rises['thermal_max']:.0f} °C")
    for key in ("pm25", "pm10", "co", "tvoc", "h2s", "nh3"):
        if key in rises:
            korean.append(f"{QUANTITY[key].label_ko} +{amount(key, rises[key])}")
            english.append(f"{QUANTITY[key].label_en} +{amount(key, rises[key])}")
    return korean, english
