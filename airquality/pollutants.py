"""Every quantity the platform knows: one frozen row each, with the one unit it is stored in.

A name, unit or meaning never changes once released; a change is a new row.
The plausible range is what an outdoor instrument can report, not what is healthy: a value outside it is an instrument's fault.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """One measured quantity.

    `unit` is the only unit in which it is stored and sent. `minimum` and `maximum` bound the plausible range in that unit.
    `decimals` is how many digits a person wants to see. `molar_mass_g_mol` is set for gases.
    """

    key: str
    label_ko: str
    label_en: str
    unit: str
    minimum: float
    maximum: float
    decimals: int
    molar_mass_g_mol: float | None = None


# Gas cells read slightly below zero around their zero point, so a small negative value is plausible.

QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity(key="pm1", label_ko="극초미세먼지", label_en="PM1", unit="µg/m³", minimum=0, maximum=5000, decimals=1),
    Quantity(key="pm25", label_ko="초미세먼지", label_en="PM2.5", unit="µg/m³", minimum=0, maximum=5000, decimals=1),
    Quantity(key="pm10", label_ko="미세먼지", label_en="PM10", unit="µg/m³", minimum=0, maximum=10000, decimals=1),
    Quantity(
        key="so2",
        label_ko="아황산가스",
        label_en="SO₂",
        unit="ppm",
        minimum=-0.05,
        maximum=20,
        decimals=4,
        molar_mass_g_mol=64.066,
    ),
    Quantity(
        key="no2",
        label_ko="이산화질소",
        label_en="NO₂",
        unit="ppm",
        minimum=-0.05,
        maximum=20,
        decimals=4,
        molar_mass_g_mol=46.006,
    ),
    Quantity(
        key="o3",
        label_ko="오존",
        label_en="O₃",
        unit="ppm",
        minimum=-0.05,
        maximum=5,
        decimals=4,
        molar_mass_g_mol=47.998,
    ),
    Quantity(
        key="co",
        label_ko="일산화탄소",
        label_en="CO",
        unit="ppm",
        minimum=-0.5,
        maximum=1000,
        decimals=3,
        molar_mass_g_mol=28.010,
    ),
    Quantity(
        key="nh3",
        label_ko="암모니아",
        label_en="NH₃",
        unit="ppm",
        minimum=-1,
        maximum=500,
        decimals=3,
        molar_mass_g_mol=17.031,
    ),
    Quantity(
        key="h2s",
        label_ko="황화수소",
        label_en="H₂S",
        unit="ppm",
        minimum=-0.05,
        maximum=200,
        decimals=4,
        molar_mass_g_mol=34.081,
    ),
    Quantity(
        key="co2",
        label_ko="이산화탄소",
        label_en="CO₂",
        unit="ppm",
        minimum=250,
        maximum=40000,
        decimals=0,
        molar_mass_g_mol=44.010,
    ),
    Quantity(
        key="ch4",
        label_ko="메탄",
        label_en="CH₄",
        unit="ppm",
        minimum=0,
        maximum=50000,
        decimals=3,
        molar_mass_g_mol=16.043,
    ),
    Quantity(
        key="tvoc", label_ko="총휘발성유기화합물", label_en="TVOC", unit="ppb", minimum=0, maximum=60000, decimals=0
    ),
    Quantity(key="voc_index", label_ko="VOC 지수", label_en="VOC index", unit="1", minimum=0, maximum=500, decimals=0),
    Quantity(
        key="temperature", label_ko="기온", label_en="Temperature", unit="°C", minimum=-40, maximum=60, decimals=1
    ),
    Quantity(key="humidity", label_ko="습도", label_en="Humidity", unit="%", minimum=0, maximum=100, decimals=0),
    Quantity(key="pressure", label_ko="기압", label_en="Pressure", unit="hPa", minimum=500, maximum=1085, decimals=1),
    Quantity(key="wind_speed", label_ko="풍속", label_en="Wind speed", unit="m/s", minimum=0, maximum=75, decimals=1),
    Quantity(key="wind_direction", label_ko="풍향", label_en="Wind from", unit="°", minimum=0, maximum=360, decimals=0),
    Quantity(key="noise", label_ko="소음", label_en="Noise", unit="dB(A)", minimum=20, maximum=140, decimals=1),
    Quantity(
        key="thermal_max",
        label_ko="최고 열화상 온도",
        label_en="Hottest pixel",
        unit="°C",
        minimum=-40,
        maximum=1000,
        decimals=1,
    ),
    Quantity(key="battery", label_ko="배터리", label_en="Battery", unit="%", minimum=0, maximum=100, decimals=0),
    Quantity(key="voltage", label_ko="전압", label_en="Voltage", unit="V", minimum=0, maximum=1000, decimals=2),
    Quantity(key="speed", label_ko="속도", label_en="Speed", unit="m/s", minimum=0, maximum=40, decimals=2),
    Quantity(key="heading", label_ko="진행 방향", label_en="Heading", unit="°", minimum=0, maximum=360, decimals=0),
    # 0 stands, 1 patrols, 2 drives on an order, 3 measures, 4 charges.
    Quantity(
        key="robot_activity",
        label_ko="로봇 활동",
        label_en="Robot activity",
        unit="1",
        minimum=0,
        maximum=4,
        decimals=0,
    ),
    Quantity(key="altitude", label_ko="고도", label_en="Altitude", unit="m", minimum=-500, maximum=9000, decimals=0),
    Quantity(key="rssi", label_ko="수신 신호 세기", label_en="RSSI", unit="dBm", minimum=-150, maximum=20, decimals=0),
    Quantity(key="snr", label_ko="신호 대 잡음비", label_en="SNR", unit="dB", minimum=-40, maximum=60, decimals=1),
)


QUANTITY: Final[dict[str, Quantity]] = {quantity.key: quantity for quantity in QUANTITIES}
KEYS: Final[tuple[str, ...]] = tuple(QUANTITY)
