"""Words for values that records hold, such as states and severities."""

from jeonju.messages.catalogue import Language, text


def word(group: str, value: str, language: Language) -> str:
    """Return the word for one value of a group, such as `incident-state`; a value that is not known stands for itself."""
    return text(group, {"value": value, "key": value.replace(" ", "-")}, language)
