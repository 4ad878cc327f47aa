"""What people order about incidents and robots, at the process that responds or, through it, at any other one of the site."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.records import IncidentRecord
from jeonju.contract.vda5050 import Stop
from jeonju.response.incidents.incident import Action


class Orders(Protocol):
    """Each raises UserError for what cannot be done now, UnavailableError while it is not known whether it can."""

    def act(self, incident_id: str, action: Action, who: str, note: str = "", assignee: str = "") -> IncidentRecord:
        """Record what an operator does about an incident."""

    def send(self, robot: str, stops: Sequence[Stop], who: str) -> None:
        """Send a robot to places."""

    def recall(self, robot: str, who: str) -> None:
        """Call a robot back."""

    def forbid(self, robot: str, who: str) -> None:
        """Send a robot nowhere until it is allowed again."""

    def allow(self, robot: str, who: str) -> None:
        """Let a robot be sent again."""


class Act(msgspec.Struct, tag="act"):
    """An action on an incident."""

    incident: str
    action: Action
    who: str
    note: str
    assignee: str


class Send(msgspec.Struct, tag="send"):
    """A robot is to visit places."""

    robot: str
    stops: list[Stop]
    who: str


class Recall(msgspec.Struct, tag="recall"):
    """A robot is to come back."""

    robot: str
    who: str


class Forbid(msgspec.Struct, tag="forbid"):
    """A robot is to be sent nowhere."""

    robot: str
    who: str


class Allow(msgspec.Struct, tag="allow"):
    """A robot may be sent again."""

    robot: str
    who: str


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of it: `refused` and `unavailable` say in one line why nothing did, `incident` is how it stands afterwards."""

    refused: str = ""
    unavailable: str = ""
    incident: IncidentRecord | None = None


_ORDER = msgspec.json.Decoder(Act | Send | Recall | Forbid | Allow)
_ANSWER = msgspec.json.Decoder(Answer)


def answered(orders: Orders, order: bytes) -> bytes:
    """Carry out an order that another process was given, and return the answer."""
    try:
        answer = Answer(incident=_carried_out(orders, _ORDER.decode(order)))
    except msgspec.DecodeError as error:
        answer = Answer(refused=f"the api that responds is of another version and does not know this order: {error}")
    except UnavailableError as error:
        answer = Answer(unavailable=str(error))
    except UserError as error:
        answer = Answer(refused=str(error))
    return msgspec.json.encode(answer)


def _carried_out(orders: Orders, order: Act | Send | Recall | Forbid | Allow) -> IncidentRecord | None:
    match order:
        case Act():
            return orders.act(order.incident, order.action, order.who, order.note, order.assignee)
        case Send():
            orders.send(order.robot, order.stops, order.who)
        case Recall():
            orders.recall(order.robot, order.who)
        case Forbid():
            orders.forbid(order.robot, order.who)
        case Allow():
            orders.allow(order.robot, order.who)
    return None


class PassedOn:
    """Orders that another process carries out; `ask` brings it one and returns its answer, or raises UnavailableError."""

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        self._ask = ask

    def act(self, incident_id: str, action: Action, who: str, note: str = "", assignee: str = "") -> IncidentRecord:
        """Record what an operator does about an incident."""
        record = self._order(Act(incident_id, action, who, note, assignee)).incident
        if record is None:
            raise UserError("the api that responds is of another version: it does not say how the incident stands")
        return record

    def send(self, robot: str, stops: Sequence[Stop], who: str) -> None:
        """Send a robot to places."""
        self._order(Send(robot, list(stops), who))

    def recall(self, robot: str, who: str) -> None:
        """Call a robot back."""
        self._order(Recall(robot, who))

    def forbid(self, robot: str, who: str) -> None:
        """Send a robot nowhere until it is allowed again."""
        self._order(Forbid(robot, who))

    def allow(self, robot: str, who: str) -> None:
        """Let a robot be sent again."""
        self._order(Allow(robot, who))

    def _order(self, order: msgspec.Struct) -> Answer:
        answer = _ANSWER.decode(self._ask(msgspec.json.encode(order)))
        if answer.unavailable:
            raise UnavailableError(answer.unavailable)
        if answer.refused:
            raise UserError(answer.refused)
        return answer
