"""How values look: colours, units, lines of limits, what a number or a word is shown as."""

from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardSpecialValueMapOptions,
    DynamicConfigValue,
    FieldColorModeId,
    RangeMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMappingResult,
)

from jeonju.airquality.index import LEAST_OF_12_H
from jeonju.airquality.pollutants import QUANTITIES, QUANTITY
from jeonju.airquality.schemes import SchemeName
from jeonju.airquality.standards import Body
from jeonju.grafana import city, words
from jeonju.grafana.language import ENGLISH, Language
from jeonju.grafana.words import BAD, GOOD, NEUTRAL, by_value

# Lines of limits, from the mildest on; a quantity's own lines are sorted by value.
LINE_COLOURS: Final = {
    "who": "#8ab8ff",
    "korea": "#f2cc0c",
    "us": "#f2cc0c",
    "eu": "#f2cc0c",
    "advisory": "#ff9830",
    "information": "#ff9830",
    "warning": "#e02f44",
    "alert": "#e02f44",
    "serious-warning": "#8f3bb8",
}
BODIES: Final = {"korea": ("한국", "Korea"), "us": ("미국", "US"), "eu": ("EU", "EU"), "who": ("WHO", "WHO")}
NO_LINE: Final = "transparent"
# White upon yellow has 1.1, upon the colours of Korea's classes 2 and more.
LEAST_CONTRAST: Final = 1.9
# After how many hours of data there is an index, and of what.
FIRST_INDEX_H: Final[dict[SchemeName, int]] = {"cai": LEAST_OF_12_H, "us": 1, "eu": 1}
NEEDED: Final[dict[SchemeName, tuple[str, str]]] = {
    "cai": (
        f"지수는 12시간 중 {LEAST_OF_12_H}시간 이상의 자료가 있어야 계산됩니다.",
        f"The index needs {LEAST_OF_12_H} valid hours of the last twelve.",
    ),
    "us": (
        "지수는 가스 1시간 또는 먼지 24시간 중 18시간의 자료가 있어야 계산됩니다.",
        "The index needs an hour of a gas, or 18 of the last 24 hours of particles.",
    ),
    "eu": (
        "지수는 이산화질소와 먼지의 1시간 자료가 있어야 계산됩니다.",
        "The index needs an hour of NO₂ and of particles.",
    ),
}


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: from each value on its colour; the first value is None."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in pairs])
    )


def neutral() -> dashboard.ThresholdsConfig:
    """Return no thresholds: a value that has no limit has no colour. Without these Grafana draws everything from 80 on in red."""
    return steps((None, "text"))


def by_name() -> dashboard.FieldColor:
    """Colour by what values are called: where thresholds colour, Grafana shows numbers by those alone."""
    return dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(NEUTRAL)


def by_threshold() -> dashboard.FieldColor:
    """Colour by thresholds."""
    return dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS)


def index_name(say: Language) -> str:
    """Return what the index of the city is called."""
    scheme = city.scheme()
    return say(scheme.label_ko, scheme.label_en)


def index_needs(say: Language) -> str:
    """Return the sentence that says from what data on there is an index."""
    return say(*NEEDED[city.scheme().key])


def first_index_h() -> int:
    """Return after how many hours of data there can be an index."""
    return FIRST_INDEX_H[city.scheme().key]


def body_of_country() -> Body:
    """Return whose standards are the law of the city."""
    return city.scheme().standards[0].body


def index_steps() -> dashboard.ThresholdsConfig:
    """Return the colours of the air-quality index."""
    scheme = city.scheme()
    lower = [None, *(upper + 1 for upper in scheme.index_upper[:-1])]
    return steps(*((value, grade.colour) for value, grade in zip(lower, scheme.grades, strict=True)))


def inks(config: dashboard.ThresholdsConfig) -> dashboard.ThresholdsConfig:
    """Return for classes the colours in which a number is read upon theirs: white, or dark upon the lightest."""
    return steps(*((step.value, ink_on(step.color)) for step in config.build().steps))


def ink_on(colour: str) -> str:
    """Return white, or a dark colour where white has too little contrast, by the relative luminance of WCAG 2."""
    if not colour.startswith("#"):
        return "#ffffff"
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= LEAST_CONTRAST else "#111111"


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def class_steps(pollutant: str) -> dashboard.ThresholdsConfig:
    """Return the colours of the index's classes for a concentration, nothing where the index does not judge it; some end below the last class."""
    scheme = city.scheme()
    if pollutant not in scheme.upper:
        return neutral()
    lower = [None, *(round(end, 4) for end in scheme.upper[pollutant][:-1])]
    return steps(*((value, grade.colour) for value, grade in zip(lower, scheme.grades, strict=False)))


def limits_of(quantity: str, say: Language = ENGLISH) -> list[tuple[float, str, str]]:
    """Return (value, what it is, colour) of a quantity's limits, ascending; of equal values the gravest, of means over a year none."""
    found: dict[float, tuple[str, str]] = {}
    scheme = city.scheme()
    for standard in scheme.standards:
        if standard.quantity == quantity and standard.hours <= 24:
            found.setdefault(
                standard.limit, (f"{say(*BODIES[standard.body])} {standard.hours} h", LINE_COLOURS[standard.body])
            )
    for level in scheme.advisories.get(quantity, ()):
        found[level.issue_at] = (f"{say(level.label_ko, level.label_en)} {level.hours} h", LINE_COLOURS[level.key])
    return [(value, *found[value]) for value in sorted(found)]


def limit_steps(quantity: str) -> dashboard.ThresholdsConfig:
    """Return a quantity's limits as thresholds, nothing below the first."""
    return steps((None, NO_LINE), *((value, colour) for value, _, colour in limits_of(quantity)))


def limits_in_words(say: Language, quantity: str) -> str:
    """Return a quantity's limits in a few words, nothing where it has none."""
    found = " · ".join(f"{value:g} {what}" for value, what, _ in limits_of(quantity, say))
    return f"{found} {QUANTITY[quantity].unit}" if found else ""


def label(say: Language, quantity: str) -> str:
    """Return a quantity's name."""
    row = QUANTITY[quantity]
    return say(row.label_ko, row.label_en)


def grades(say: Language) -> list[Any]:
    """Return names and colours of the index's classes."""
    return by_value({grade.key: (say(grade.label_ko, grade.label_en), grade.colour) for grade in city.scheme().grades})


def severities(say: Language) -> list[DynamicConfigValue]:
    """Return how a column of severities looks."""
    return coloured(by_value(words.severities(say)))


def coloured(mappings: list[Any] | None = None) -> list[DynamicConfigValue]:
    """Return how a column is coloured by its values; the first line is for Grafana 9.3, which does not know the second."""
    found = [
        DynamicConfigValue(id_val="custom.displayMode", value="color-background"),
        DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background", "mode": "basic"}),
    ]
    return found + ([DynamicConfigValue(id_val="mappings", value=mappings)] if mappings else [])


def coloured_text() -> list[DynamicConfigValue]:
    """Return how the numbers of a column are coloured by their thresholds; the first line is for Grafana 9.3."""
    return [
        DynamicConfigValue(id_val="custom.displayMode", value="color-text"),
        DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
    ]


def from_green_to_red() -> list[DynamicConfigValue]:
    """Return how a column goes from green to red between the lowest and the highest value."""
    return [DynamicConfigValue(id_val="color", value={"mode": FieldColorModeId.CONTINUOUS_GR_YL_RD.value})]


def coloured_or_dash() -> list[DynamicConfigValue]:
    """Return how a column is coloured by its values and has a dash without colour where it has none: no value has the colour of the lowest."""
    return coloured([no_value("–", "transparent")])


def shaded() -> list[DynamicConfigValue]:
    """Return how the cells of a column are shaded so."""
    # A step that makes a matrix fills it with empty words.
    nothing = [no_value("–", "transparent", match) for match in (SpecialValueMatch.NULL, SpecialValueMatch.EMPTY)]
    return [*coloured(nothing), *from_green_to_red()]


def as_gauge(full: float) -> list[DynamicConfigValue]:
    """Return how a column is drawn as bars of 0 to `full`; the first line is for Grafana 9.3."""
    return [
        DynamicConfigValue(id_val="custom.displayMode", value="basic"),
        DynamicConfigValue(id_val="custom.cellOptions", value={"type": "gauge", "mode": "basic"}),
        DynamicConfigValue(id_val="min", value=0),
        DynamicConfigValue(id_val="max", value=full),
    ]


def as_instant() -> list[DynamicConfigValue]:
    """Return how a column of milliseconds since 1970 looks; 0 is none. It is as short as can be, since it stands in every table."""
    return [
        DynamicConfigValue(id_val="unit", value="time:MM-DD HH:mm"),
        DynamicConfigValue(id_val="mappings", value=by_value({"0": ("–", "text")})),
    ]


def or_dash() -> list[DynamicConfigValue]:
    """Return that a column has a dash where it has no value: one that has none at all Grafana takes for objects, and writes "null"."""
    return [*coloured_text(), DynamicConfigValue(id_val="mappings", value=[no_value("–")])]


def no_value(text: str, colour: str = "text", match: SpecialValueMatch = SpecialValueMatch.NULL) -> SpecialValueMap:
    """Return what no value is shown as, in the colour of the other words, not that of the lowest threshold."""
    shown = ValueMappingResult(text=text, color=colour)
    return SpecialValueMap(options=DashboardSpecialValueMapOptions(match=match, result=shown))


def link(title: str, url: str, *, is_new_page: bool = True) -> list[DynamicConfigValue]:
    """Return how a column links somewhere."""
    return [DynamicConfigValue(id_val="links", value=[{"title": title, "url": url, "targetBlank": is_new_page}])]


def wide(pixels: int) -> list[DynamicConfigValue]:
    """Return how wide a column is."""
    return [DynamicConfigValue(id_val="custom.width", value=pixels)]


def at_least(pixels: int) -> list[DynamicConfigValue]:
    """Return how wide a column is at least; it takes its share of what is left."""
    return [DynamicConfigValue(id_val="custom.minWidth", value=pixels)]


def suffix(unit: str) -> str:
    """Return Grafana's name for a unit of ours; the unit 1 is none."""
    return "none" if unit == "1" else f"suffix:{unit}"


def of_age(say: Language) -> str:
    """Return the unit of an age in seconds."""
    return suffix(say("초 전", "s ago"))


def labels(say: Language) -> list[tuple[str, str]]:
    """Return what every quantity is called."""
    return [(row.key, label(say, row.key)) for row in QUANTITIES]


def of_quantity(quantity: str) -> list[DynamicConfigValue]:
    """Return a quantity's unit and digits."""
    row = QUANTITY[quantity]
    return [DynamicConfigValue(id_val="unit", value=suffix(row.unit)), *digits(row.decimals)]


def ranges(spans: Sequence[tuple[float, float, str, str | None]]) -> list[Any]:
    """Return what values between two bounds are shown as: text and colour."""
    found = []
    for place, (low, high, text, colour) in enumerate(spans):
        result = ValueMappingResult(text=text, color=colour, index=place)
        found.append(RangeMap(options=DashboardRangeMapOptions(from_val=low, to=high, result=result)))
    return found


def ages() -> dashboard.ThresholdsConfig:
    """Return the colours of the age of the newest reading [s]: late after a minute, dead after five."""
    return steps((None, GOOD), (60, "#ff9830"), (300, BAD))


def official_ages() -> dashboard.ThresholdsConfig:
    """Return the colours of the age of the newest value of an official station [min], which comes once an hour."""
    return steps((None, GOOD), (90, "#ff9830"), (180, BAD))


def hidden() -> list[DynamicConfigValue]:
    """Return that a column is in no tooltip and no table."""
    return [
        DynamicConfigValue(id_val="custom.hideFrom", value={"tooltip": True, "viz": False, "legend": True}),
        DynamicConfigValue(id_val="custom.hidden", value=True),
    ]


def spanning(low: float, high: float) -> list[DynamicConfigValue]:
    """Return between which values a column lies, by which marks are sized."""
    return [DynamicConfigValue(id_val="min", value=low), DynamicConfigValue(id_val="max", value=high)]


def unit(name: str) -> list[DynamicConfigValue]:
    """Return a column's unit."""
    return [DynamicConfigValue(id_val="unit", value=name)]


def of_unit(quantity: str) -> list[DynamicConfigValue]:
    """Return a quantity's unit, digits and limit lines for an override."""
    found = of_quantity(quantity)
    if limits_of(quantity):
        found += [
            DynamicConfigValue(id_val="thresholds", value=limit_steps(quantity).build()),
            DynamicConfigValue(id_val="custom.thresholdsStyle", value={"mode": "line"}),
        ]
    return found


def thresholds_of(config: dashboard.ThresholdsConfig) -> list[DynamicConfigValue]:
    """Return the colours of one column."""
    return [DynamicConfigValue(id_val="thresholds", value=config.build())]


def digits(decimals: int) -> list[DynamicConfigValue]:
    """Return how exactly a column is shown."""
    return [DynamicConfigValue(id_val="decimals", value=decimals)]


def named(text: str) -> list[DynamicConfigValue]:
    """Return what a column is called."""
    return [DynamicConfigValue(id_val="displayName", value=text)]


def as_directions() -> list[DynamicConfigValue]:
    """Return how directions are drawn beside something else: as points on an axis of their own."""
    return [
        DynamicConfigValue(id_val="unit", value=suffix("°")),
        DynamicConfigValue(id_val="min", value=0),
        DynamicConfigValue(id_val="max", value=360),
        DynamicConfigValue(id_val="custom.axisPlacement", value="right"),
        DynamicConfigValue(id_val="custom.drawStyle", value="points"),
        DynamicConfigValue(id_val="custom.showPoints", value="always"),
        DynamicConfigValue(id_val="custom.pointSize", value=3),
    ]


def compass(names: Sequence[str]) -> list[Any]:
    """Return names of directions [degrees], clockwise from north, -180 to 360; each stands for the same share of the circle."""
    share = 360 / len(names)
    found = []
    for turn in range(-len(names) // 2, len(names) + 1):
        span = DashboardRangeMapOptions(
            from_val=(turn - 0.5) * share,
            to=(turn + 0.5) * share,
            result=ValueMappingResult(text=names[turn % len(names)]),
        )
        found.append(RangeMap(options=span))
    return found


def coloured_by_threshold() -> DynamicConfigValue:
    """Return that a column's colour comes from its thresholds."""
    return DynamicConfigValue(id_val="color", value={"mode": "thresholds"})


def of_colour(colour: str) -> list[DynamicConfigValue]:
    """Return one colour for one series."""
    return [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]


def as_background() -> list[DynamicConfigValue]:
    """Return how the whole is drawn behind its parts."""
    return [*of_colour(NEUTRAL), DynamicConfigValue(id_val="custom.fillOpacity", value=10)]


def as_share() -> list[DynamicConfigValue]:
    """Return how a share of 0 to 1 looks."""
    return [DynamicConfigValue(id_val="unit", value="percentunit"), DynamicConfigValue(id_val="decimals", value=0)]


def connection(say: Language) -> list[DynamicConfigValue]:
    """Return how a column of connections looks."""
    return coloured(by_value(words.connections(say)))
