"""What incidents say, in Korean and English: made from the facts of their record."""

from collections.abc import Mapping

from jeonju.contract.as_json import details_of
from jeonju.contract.records import IncidentRecord
from jeonju.messages.catalogue import LANGUAGES, Language, Pair, text


def title(kind: str, language: Language) -> str:
    """Return what an incident of a kind is called; a kind that is not known stands for itself."""
    return text("incident-title", {"kind": kind}, language)


def summaries(record: IncidentRecord, labels: Mapping[str, Pair]) -> Pair:
    """Return the sentence of an incident in Korean and English; `labels` are what zones are called."""
    devices = len(details_of(record)["devices"])
    about = {"kind": record.kind, "devices": str(devices), "number": "one" if devices == 1 else "many"}
    korean, english = (
        text("incident-summary", about | {"place": place}, language)
        for place, language in zip(labels[record.zone or ""], LANGUAGES, strict=True)
    )
    return korean, english
