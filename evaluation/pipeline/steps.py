"""What a scenario may do. Each kind of step reads its arguments and returns what it does in a run."""

import json
from collections.abc import Callable
from typing import Any, Final

from jeonju.common.errors import UserError
from jeonju.contract.topics import is_filter
from jeonju.evaluation.pipeline.clients import Outgoing
from jeonju.evaluation.pipeline.scenario_run import ScenarioRun

Step = Callable[[ScenarioRun], None]
LONGEST_WAIT_S: Final = 3600


def read_step(described: object) -> Step:
    """Return one line of `steps` as what it does. Raises UserError, saying why, where it is not understood."""
    if not isinstance(described, list) or not described or not isinstance(described[0], str):
        raise UserError(f"{_shown(described)} is no list that begins with the name of a step")
    name, *arguments = described
    if name not in KINDS:
        raise UserError(f"{_shown(described)} is of no known kind; there are: {', '.join(KINDS)}")
    try:
        return KINDS[name](arguments)
    except UserError as error:
        raise UserError(f"{_shown(described)} {error}") from error


def _pub(arguments: list[Any]) -> Step:
    messages = [_message(arguments)]
    return lambda run: run.send(messages, qos=1)


def _client(arguments: list[Any]) -> Step:
    if len(arguments) != 1 or not isinstance(arguments[0], list) or not arguments[0]:
        raise UserError("must be followed by one list of [topic, payload]")
    messages = [_message(message) for message in arguments[0]]
    return lambda run: run.send(messages, qos=0)


def _wait(arguments: list[Any]) -> Step:
    (seconds,) = arguments if len(arguments) == 1 else (None,)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_WAIT_S:
        raise UserError(f"must be followed by seconds, at most {LONGEST_WAIT_S}")
    return lambda run: run.wait(seconds)


def _restart(arguments: list[Any]) -> Step:
    _nothing_follows(arguments)
    return lambda run: run.restart()


def _stop(arguments: list[Any]) -> Step:
    _nothing_follows(arguments)
    return lambda run: run.stop()


def _listen(arguments: list[Any]) -> Step:
    (topic_filter,) = arguments if len(arguments) == 1 else (None,)
    if not isinstance(topic_filter, str) or not is_filter(topic_filter):
        raise UserError("must be followed by one topic filter")
    return lambda run: run.listen(topic_filter)


def _message(described: object) -> Outgoing:
    if not isinstance(described, list) or len(described) not in (2, 3):
        raise UserError("needs a topic and a payload, and may have options")
    topic, payload, *rest = described
    options = rest[0] if rest else {}
    if not isinstance(topic, str) or not topic or set(topic) & set("+#"):
        raise UserError(f"cannot publish on {_shown(topic)}")
    if (
        not isinstance(options, dict)
        or options.keys() - {"retain"}
        or not isinstance(options.get("retain", False), bool)
    ):
        raise UserError(f'has unknown options {_shown(options)}; there is {{"retain": true}}')
    return Outgoing(topic, _payload(payload), retain=options.get("retain", False))


def _payload(described: Any) -> bytes:
    """Return the bytes of a payload: hexadecimal digits, a text as it is, everything else as JSON."""
    if isinstance(described, str):
        return described.encode()
    if isinstance(described, dict) and described.keys() == {"hex"}:
        try:
            return bytes.fromhex(described["hex"])
        except (TypeError, ValueError):
            raise UserError(f"has a payload that is not hexadecimal: {_shown(described)}") from None
    return json.dumps(described, ensure_ascii=False).encode()


def _nothing_follows(arguments: list[Any]) -> None:
    if arguments:
        raise UserError("takes no arguments")


def _shown(described: object) -> str:
    text = json.dumps(described, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:120]}…"


KINDS: Final[dict[str, Callable[[list[Any]], Step]]] = {
    "pub": _pub,
    "client": _client,
    "wait": _wait,
    "restart": _restart,
    "stop": _stop,
    "listen": _listen,
}
