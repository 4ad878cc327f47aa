"""The rules of alerts as data: how each built-in kind behaves, thresholds of one's own, and channels, read from TOML.

`rules.toml` beside this file comes with the project. A file of one's own is laid over it: what it sets for a rule that is there replaces
those settings, and what it names anew is added.
"""

import logging
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from jeonju.common.errors import UserError
from jeonju.common.text_file import read_text
from jeonju.common.toml_lines import line_of, load_toml
from jeonju.contract.site import Name
from jeonju.messages.alerts import KINDS, kind_title
from jeonju.rules.channels import AnyChannel
from jeonju.rules.people import Calling, Escalation, Person, Shift
from jeonju.rules.rule import RENAMED, Rule, Threshold

log = logging.getLogger(__name__)

# Each has a thread of its own.
MOST_CHANNELS: Final = 100
SHIPPED: Final = Path(__file__).with_name("rules.toml")
_PLAIN: Final = Rule()


def _sort(given: Any) -> str:
    """Whatever says anything that only a threshold has is one; the settings of a kind have none of these."""
    own = set(Threshold.model_fields) - set(Rule.model_fields)
    return "threshold" if isinstance(given, Threshold) or (isinstance(given, Mapping) and own & set(given)) else "kind"


AnyRule = Annotated[Annotated[Threshold, Tag("threshold")] | Annotated[Rule, Tag("kind")], Discriminator(_sort)]


class RulesFile(BaseModel):
    """What stands in one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: dict[Name, AnyRule] = {}
    channels: Annotated[tuple[AnyChannel, ...], Field(max_length=MOST_CHANNELS)] = ()
    people: Annotated[tuple[Person, ...], Field(max_length=200)] = ()
    on_call: Annotated[tuple[Shift, ...], Field(max_length=500)] = ()
    escalations: Annotated[tuple[Escalation, ...], Field(max_length=50)] = ()
    holidays: Annotated[frozenset[date], Field(max_length=1000)] = frozenset()

    @property
    def calling(self) -> Calling:
        """Who is told when."""
        return Calling(self.people, self.on_call, self.escalations, self.holidays)


@dataclass(frozen=True)
class Rules:
    """All rules in force, by kind, the channels, and who is told when."""

    rules: Mapping[str, Rule]
    channels: tuple[AnyChannel, ...] = field(default=())
    calling: Calling = field(default=Calling())

    def of(self, kind: str) -> Rule:
        """Return how a kind behaves; one that no rule names behaves plainly."""
        return self.rules.get(kind, _PLAIN)

    @property
    def remembered(self) -> timedelta:
        """For how long alerts that ended are known, so that channels still learn of it."""
        return self.calling.remembered(self.channels)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of alert that there can be."""
        return frozenset([*KINDS, *self.rules])

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """The threshold rules that are enabled."""
        return {name: rule for name, rule in self.rules.items() if isinstance(rule, Threshold) and rule.enabled}

    def title(self, kind: str) -> tuple[str, str]:
        """Return what a kind is called, in Korean and English."""
        korean, english = kind_title(kind)
        rule = self.of(kind)
        return rule.title_ko or korean, rule.title_en or english

    def runbook(self, kind: str) -> str:
        """Return the heading in docs/runbook.md."""
        return self.of(kind).runbook or kind


@cache
def shipped_rules() -> Rules:
    """Return the rules that come with the project."""
    return Rules(_checked(SHIPPED, {}).rules)


def load_rules(path: Path | None) -> Rules:
    """Return the shipped rules with those of a file laid over them.

    Raises UserError, naming file and line, for a file that is missing or wrong.
    """
    shipped = shipped_rules()
    if path is None:
        return shipped
    own = _checked(path, shipped.rules)
    rules = dict(shipped.rules)
    for name, rule in own.rules.items():
        before = rules.get(name)
        laid_over = before is not None and not isinstance(rule, Threshold)
        given = {key: getattr(rule, key) for key in rule.model_fields_set}
        rules[name] = before.model_copy(update=given) if before is not None and laid_over else rule
    return Rules(rules, own.channels, own.calling)


def _checked(path: Path, known: Mapping[str, Rule]) -> RulesFile:
    """Read a file and check what its rules say of each other."""
    file = load_toml(path, RulesFile)
    text = read_text(path)
    if faults := list(_faults(file, known)):
        raise UserError("\n".join(f"{path}:{line_of(text, where)}: {_dotted(where)} {what}" for where, what in faults))
    for name, rule in tomllib.loads(text).get("rules", {}).items():
        for old in RENAMED.keys() & rule.keys():
            line = line_of(text, ("rules", name, old))
            log.warning(
                "%s:%d: `%s` of a rule is called `%s` now; the old name is still read", path, line, old, RENAMED[old]
            )
    return file


def _faults(file: RulesFile, known: Mapping[str, Rule]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    thresholds = {name for name, rule in file.rules.items() if isinstance(rule, Threshold)}
    kinds = {*KINDS, *known, *thresholds}
    for name, rule in file.rules.items():
        if name not in kinds:
            yield ("rules", name), f"is no kind of alert ({', '.join(sorted(kinds))}), and a threshold needs a quantity"
        if name in KINDS and name in thresholds:
            yield ("rules", name), "is built in and cannot be a threshold; choose another name"
        for other in rule.inhibited_by:
            if other not in kinds or other == name:
                what = "the rule itself" if other == name else f"{other!r}, which is no kind of alert"
                yield ("rules", name, "inhibited_by"), f"names {what}"
    names = [channel.name for channel in file.channels]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield ("channels", number, "name"), f"is taken twice: {name!r}"
    yield from file.calling.faults(file.channels)


def _dotted(where: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
