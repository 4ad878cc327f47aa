"""What a reader chooses at the top of a dashboard: data source, site, zone, devices, quantities."""

import os
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from jeonju.airquality.index import POLLUTANTS
from jeonju.airquality.pollutants import QUANTITIES
from jeonju.contract import topics
from jeonju.grafana import city
from jeonju.grafana.fields import label, limits_in_words
from jeonju.grafana.influxql import DATA_SOURCE, DATA_SOURCE_UID, OF_SITE, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.influxql import source
from jeonju.storage.influx.names import DEVICE, DEVICE_TAG, KIND, SITE, ZONE

# Where the page is for those who look at Grafana; another address: in the environment of `make dashboards`, or at the top of a dashboard.
PAGE: Final = os.environ.get("JEONJU_PAGE_URL", "http://127.0.0.1:8000").rstrip("/")
ALL: Final = VariableOption(selected=True, text="All", value="$__all")
# What a device says of itself is no quantity of the air.
OF_ITSELF: Final = ("battery", "voltage", "speed", "heading", "altitude", "rssi", "snr", "robot_activity")
MEASURED: Final = tuple(row.key for row in QUANTITIES if row.key not in OF_ITSELF)
OF_ZONE: Final = f'"{ZONE}" =~ /^${{zone:regex}}$/'
# The devices whose newest state says something: a tag comes as a column beside a field of an inner query.
_DEVICES: Final = f'"{DEVICE_TAG}", "last"'


def data_source(say: Language) -> dashboard.DatasourceVariable:
    """Which InfluxDB."""
    ours = VariableOption(selected=True, text="Jeonju Air", value=DATA_SOURCE_UID)
    return (
        dashboard.DatasourceVariable("datasource")
        .label(say("데이터 소스", "Data source"))
        .type("influxdb")
        .current(ours)
    )


def site(say: Language) -> dashboard.QueryVariable:
    """Which city; the truth behind a simulated one is no city of its own.

    Asked of the devices, which are in the default retention policy: InfluxDB 2.x answers SHOW from no other.
    """
    suffix = topics.TRUTH.format(site="")
    return (
        _query("site", say("도시", "Site"), f'SHOW TAG VALUES FROM {source(DEVICE)} WITH KEY = "{SITE}"')
        .regex(f"/^(?!.*{suffix}$).*$/")
        .current(VariableOption(selected=True, text=city.name(), value=city.name()))
    )


def zone(say: Language) -> dashboard.QueryVariable:
    """Which part of the city."""
    text = select(f'DISTINCT("{ZONE}")', DEVICE, where=(OF_SITE, f"\"{ZONE}\" != ''"))
    return _query("zone", say("구역", "Zone"), text).include_all(True).multi(True).current(ALL)


def devices(say: Language) -> dashboard.QueryVariable:
    """Which devices of the zone, all unless some are chosen."""
    return _devices(say).include_all(True).multi(True).current(ALL)


def device(say: Language) -> dashboard.QueryVariable:
    """Which one device of the zone."""
    return _devices(say)


def robots(say: Language) -> dashboard.QueryVariable:
    """Which robots."""
    inner = select(f'last("{KIND}")', DEVICE, where=(OF_SITE, f"\"{KIND}\" = 'robot'"), by=(f'"{DEVICE_TAG}"',))
    variable = _query("device", say("로봇", "Robot"), f"SELECT {_DEVICES} FROM ({inner})")
    return variable.include_all(True).multi(True).current(ALL)


def quantities(say: Language) -> dashboard.CustomVariable:
    """Which quantities; those of the air-quality index unless others are chosen."""
    chosen = [key for key in MEASURED if key in POLLUTANTS]
    current = VariableOption(selected=True, text=[_named(say, key) for key in chosen], value=chosen)
    return _quantity(say).multi(True).include_all(True).current(current)


def quantity(say: Language) -> dashboard.CustomVariable:
    """Which one quantity."""
    return _quantity(say).current(VariableOption(selected=True, text=_named(say, "pm25"), value="pm25"))


def page(say: Language) -> dashboard.TextBoxVariable:
    """Where the page is, for links."""
    shown = VariableOption(text=PAGE, value=PAGE)
    return dashboard.TextBoxVariable("page").label(say("운영 화면 주소", "Page")).default_value(PAGE).current(shown)


def _devices(say: Language) -> dashboard.QueryVariable:
    inner = select(f'last("{ZONE}")', DEVICE, where=(OF_SITE, OF_ZONE), by=(f'"{DEVICE_TAG}"',))
    return _query("device", say("장비", "Device"), f"SELECT {_DEVICES} FROM ({inner})")


def _query(name: str, title: str, text: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(title)
        .query(text)
        .datasource(DATA_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _quantity(say: Language) -> dashboard.CustomVariable:
    names = ",".join(f"{_named(say, key)} : {key}" for key in MEASURED)
    options = [VariableOption(selected=False, text=_named(say, key), value=key) for key in MEASURED]
    return dashboard.CustomVariable("quantity").label(say("항목", "Quantity")).values(names).options(options)


def _named(say: Language, key: str) -> str:
    """Return a quantity's name and its limits: Grafana writes nothing beside the lines of limits, and a chart's title shows this name."""
    limits = limits_in_words(say, key)
    return f"{label(say, key)} [{limits}]" if limits else label(say, key)
