"""What the report of a sweep says, in one language."""

from jeonju.messages.catalogue import Language, text
from jeonju.messages.words import word


class Words:
    """The sentences of a report in its language (`messages/*/sweep.ftl`)."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, name: str, /, **facts: str) -> str:
        """Return a sentence with its facts."""
        return text(f"sweep-{name}", facts, self.language)

    def of(self, thing: object, name: str) -> str:
        """Return what a scenario or a zone has in both languages, such as its `title`."""
        return str(getattr(thing, f"{name}_{self.language}"))

    def cause(self, name: str, unit: str = "") -> str:
        """Return what differed between the runs, with its unit."""
        # Ids of variants have no dots.
        known = text("sweep-cause", {"value": name, "key": name.replace(".", "-")}, self.language)
        return f"{name} [{unit}]" if known == name and unit else known

    def choice(self, value: str) -> str:
        """Return one of the names that may be chosen, such as a fuel."""
        return word("sweep-choice", value, self.language)

    def seconds(self, value: float | None) -> str:
        """Return a time that is a number of seconds, or that it is never."""
        return self("never") if value is None else self("seconds", value=f"{value:.0f}")
