"""Messages that could not be taken: which they are, and asking that they are taken once more."""

from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import AfterValidator, BaseModel, Field, model_validator

from jeonju.api.http.answers import answer, example
from jeonju.api.http.instants import Instant
from jeonju.api.http.paging import BySkipping, shortened
from jeonju.api.http.state import Air, State
from jeonju.contract import topics
from jeonju.contract.records import DeadLetter, LetterMark
from jeonju.storage.port import LetterChoice, Store

router = APIRouter(prefix="/api/v1/dead-letters", tags=["health"])

# One request reads or asks for at most so many; `next` says where another one goes on.
MOST_AT_ONCE: Final = 2000
LONGEST_ID: Final = 64
MOST_LISTED: Final = 10_000
LONGEST_SHOWN: Final = 4000

_LETTER: Final = {
    "id": "1772611200000000-00000-3f2a9c01",
    "received_at": "2026-03-04T08:00:00Z",
    "topic": "v3/air/devices/balcony/up",
    "payload": "{…",
    "payload_bytes": 74,
    "reason": "no [[gateways]] entry of the site file fits this topic",
    "asked_at": None,
    "replayed_at": None,
    "whole": True,
}


def _checked_filter(text: str) -> str:
    if not topics.is_filter(text):
        raise ValueError("is no MQTT topic filter; such as v3/# or tele/+/SENSOR")
    return text


TopicFilter = Annotated[str, Field(max_length=1000), AfterValidator(_checked_filter)]
LetterId = Annotated[str, Field(max_length=LONGEST_ID)]


class Replay(BaseModel):
    """Which dead letters are to be taken once more: those of `ids`, of a `topic` filter, or `all`."""

    ids: Annotated[list[LetterId], Field(max_length=MOST_AT_ONCE)] | None = None
    topic: TopicFilter | None = None
    all: bool = False
    again: bool = Field(default=False, description="Also those that were replayed before.")
    after: LetterId = Field(default="", description="`next` of the answer before.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.ids is not None) + (self.topic is not None) + self.all != 1:
            raise ValueError("give one of ids, topic and all")
        return self


@router.get("", responses=example([_LETTER]))
async def dead_letters(
    air: Air,
    page: BySkipping,
    since: Instant | None = None,
    topic: Annotated[TopicFilter | None, Query(description="An MQTT topic filter, such as v3/#.")] = None,
    reason: Annotated[str | None, Query(description="A text within the reason.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Messages that could not be taken, with the reason, the newest first.

    `replayed_at` is when ingest has taken it after all, `asked_at` when a replay was asked for that ingest has not come to yet. Of a payload only
    the first 4000 characters are shown; `payload_bytes` is how long it is. `offset` and `limit` reach the newest 10 000.
    """
    choice, reach = LetterChoice(since=since, topic=topic, reason=reason), page.offset + limit + 1
    if reach > MOST_LISTED + 1:
        raise HTTPException(422, f"offset: only the newest {MOST_LISTED} are listed; choose by topic, reason or since")
    return await air.turns.exports.run(
        lambda: page.answer(air.store.dead_letters(limit=reach, choice=choice), limit, _brief, has_all=False)
    )


@router.get("/replay", responses=example({"waiting": 0, "replayed": 12}))
async def progress(air: Air, since: Instant) -> Response:
    """How many dead letters ingest has still to take of those that are asked for, and how many it has taken since an instant."""
    return await air.turns.exports.run(
        lambda: answer(
            {
                "waiting": _count(air.store, LetterChoice(is_asked=True)),
                "replayed": _count(air.store, LetterChoice(replayed_since=since)),
            }
        )
    )


@router.post(
    "/replay",
    status_code=202,
    responses={
        202: {
            "content": {
                "application/json": {
                    "example": {
                        "asked": 12,
                        "skipped": 3,
                        "cut": [],
                        "unknown": [],
                        "asked_at": "2026-03-04T09:00:00Z",
                        "next": None,
                    }
                }
            }
        }
    },
)
async def replay(air: Air, wanted: Replay) -> Response:
    """Ask ingest to take dead letters once more, each once, in the order of arrival and with the time of arrival that they had.

    `skipped` were replayed before; of those in `cut` only a part was kept, so they cannot be replayed. A letter that is refused again stays, with its
    new reason. Ingest comes to it within a second or two: `GET /api/v1/dead-letters/replay?since=` the `asked_at` of the answer.
    """
    return await air.turns.replays.run(lambda: answer(_ask(air, wanted), 202))


@router.get("/{letter}", responses=example(_LETTER | {"payload_hex": "7be280a6"}))
def one_letter(air: Air, letter: str) -> Response:
    """One dead letter; `payload_hex` is every byte of its payload, `payload` what can be read of it."""
    found = air.store.dead_letter(letter)
    if found is None:
        raise HTTPException(404, f"no dead letter is called {letter[:LONGEST_ID]!r}; see /api/v1/dead-letters")
    return answer(_to_json(found) | {"payload_hex": found.payload.hex()})


def _ask(air: State, wanted: Replay) -> dict[str, Any]:
    letters, unknown, is_page_full = _wanted(air.store, wanted)
    now = air.now()
    marks, skipped, cut, asked_at = [], 0, [], [now]
    for letter in letters:
        if letter.asked_at is not None:
            asked_at.append(letter.asked_at)
        elif letter.replayed_at is not None and not wanted.again:
            skipped += 1
        elif not _is_whole(air.store, letter):
            cut.append(letter.id)
        else:
            marks.append(LetterMark(letter.id, now, letter.replayed_at, letter.reason))
    air.store.mark_letters(marks)
    return {
        "asked": len(marks) + len(asked_at) - 1,
        "skipped": skipped,
        "cut": cut,
        "unknown": unknown,
        "asked_at": min(asked_at),
        "next": letters[-1].id if is_page_full else None,
    }


def _wanted(store: Store, wanted: Replay) -> tuple[list[DeadLetter], list[str], bool]:
    """Return the letters that are wanted, the ids that are none, and whether there may be more."""
    if wanted.ids is not None:
        found = {letter_id: store.dead_letter(letter_id) for letter_id in wanted.ids}
        unknown = [letter_id for letter_id, letter in found.items() if letter is None]
        return [letter for letter in found.values() if letter is not None], unknown, False
    choice = LetterChoice(topic=wanted.topic)
    letters = store.letters_in_order(choice, after=wanted.after, limit=MOST_AT_ONCE, payloads=False)
    return letters, [], len(letters) == MOST_AT_ONCE


def _is_whole(store: Store, letter: DeadLetter) -> bool:
    """Return whether all of a letter was kept, reading its payload only where that is in doubt."""
    if letter.may_be_cut and not letter.payload:
        letter = store.dead_letter(letter.id) or letter
    return letter.is_whole


def _count(store: Store, choice: LetterChoice) -> int:
    count, after = 0, ""
    while page := store.letters_in_order(choice, after=after, limit=MOST_AT_ONCE, payloads=False):
        count, after = count + len(page), page[-1].id
    return count


def _brief(letter: DeadLetter) -> dict[str, Any]:
    out = _to_json(letter)
    return out | {"payload": shortened(out["payload"], LONGEST_SHOWN)}


def _to_json(letter: DeadLetter) -> dict[str, Any]:
    text = letter.payload.decode("utf-8", "replace")
    return {**letter._asdict(), "payload": text, "payload_bytes": len(letter.payload), "whole": letter.is_whole}
