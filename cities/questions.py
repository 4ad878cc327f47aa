"""What `jeonju site new` asks, in Korean and English."""

from typing import Final, Literal

Language = Literal["ko", "en"]

QUESTIONS: Final[dict[str, dict[Language, str]]] = {
    "place": {
        "ko": "어느 도시입니까? 이름(예: 강남구) 또는 위도,경도",
        "en": "Which city? A name (such as Gangnam), or latitude,longitude",
    },
    "name": {
        "ko": "파일과 토픽에 쓸 이름 (영문 소문자, 숫자, -)",
        "en": "Its name in files and topics (letters, digits, -)",
    },
    "label_ko": {"ko": "화면에 보일 한국어 이름", "en": "Its name in Korean, for people"},
    "label_en": {"ko": "화면에 보일 영어 이름", "en": "Its name in English, for people"},
    "stations": {
        "ko": "측정소: CSV 파일, 에어코리아 측정소 목록(JSON) 파일, airkorea(키 필요), 또는 임의로 배치할 개수",
        "en": "Stations: a CSV file, a station list of AirKorea (JSON), airkorea (needs a key), or how many to lay out",
    },
    "robots": {"ko": "순찰 로봇 수", "en": "How many patrol robots"},
    "elevation_m": {"ko": "해발 고도 [m]", "en": "Height above the sea [m]"},
}


def ask(key: str, language: Language) -> str:
    """Return a question."""
    return QUESTIONS[key][language]
