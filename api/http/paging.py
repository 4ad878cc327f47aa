"""Lists a page at a time, of bounded rows and bytes; the `Link` header gives the next page, and `X-Total-Count` says how many there are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote, urlencode

import orjson
import pyarrow as pa
from fastapi import Depends, Query, Request, Response

from jeonju.api.http.answers import OPTIONS

MOST_ROWS: Final = 1000
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_SKIPPED: Final = 1_000_000
TOTAL: Final = "X-Total-Count"
LIST: Final = (b"[", b"]")

Row = TypeVar("Row")


@dataclass(frozen=True)
class NamePage:
    """A page of a list by name."""

    request: Request
    after: Annotated[str, Query(description="The last name of the page before.", max_length=200)] = ""
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = MOST_ROWS

    def of_table(self, table: pa.Table, column: str) -> list[dict[str, Any]]:
        """Return the rows of this page, by the names in a column, and one more if there is one."""
        names = table[column].to_pylist()
        following = [number for number, name in enumerate(names) if name > self.after]
        following.sort(key=names.__getitem__)
        return table.take(following[: self.limit + 1]).to_pylist() if following else []

    def answer(
        self,
        following: Sequence[Row],
        total: int,
        name_of: Callable[[Row], str],
        to_json: Callable[[Row], Any],
        frame: tuple[bytes, bytes] = LIST,
    ) -> Response:
        """Answer the page out of the rows that follow `after`, by name; more than the page holds may be given."""
        parts, taken = _fill(following[: self.limit], to_json)
        cursor = {"after": name_of(following[taken - 1])} if taken < len(following) else None
        return _answer(self.request, parts, total, cursor, frame)


@dataclass(frozen=True)
class Skipping:
    """A page of a list without names: an offset says how many rows are skipped."""

    request: Request
    offset: Annotated[int, Query(ge=0, le=MOST_SKIPPED, description="How many are skipped.")] = 0

    def answer(
        self, rows: Sequence[Row], limit: int, to_json: Callable[[Row], Any], *, has_all: bool = True
    ) -> Response:
        """Answer the page out of all rows, or of enough of them to know that more follow."""
        parts, cursor = self._page(rows, limit, to_json)
        return _answer(self.request, parts, len(rows) if has_all else None, cursor, LIST)

    def answer_from_the_end(self, rows: Sequence[Row], limit: int, to_json: Callable[[Row], Any]) -> Response:
        """Answer the page out of all rows, counted from the last one, which comes last."""
        parts, cursor = self._page(rows[::-1], limit, to_json)
        return _answer(self.request, parts[::-1], len(rows), cursor, LIST)

    def _page(
        self, rows: Sequence[Row], limit: int, to_json: Callable[[Row], Any]
    ) -> tuple[list[bytes], dict[str, Any] | None]:
        following = rows[self.offset :]
        parts, taken = _fill(following[:limit], to_json)
        return parts, {"offset": self.offset + taken} if taken < len(following) else None


ByName = Annotated[NamePage, Depends()]
BySkipping = Annotated[Skipping, Depends()]


def shortened(text: str, most: int) -> str:
    """Return a text that a sender chose, with an ellipsis where it is longer than anybody needs."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _fill(rows: Sequence[Row], to_json: Callable[[Row], Any]) -> tuple[list[bytes], int]:
    """Return rows as JSON, at least one, as many as may be in an answer, and how many that were; what is None is left out."""
    parts, size = list[bytes](), 0
    for number, row in enumerate(rows):
        part = b"" if (content := to_json(row)) is None else orjson.dumps(content, option=OPTIONS)
        if number and size + len(part) > MOST_BYTES:
            return parts, number
        size += len(part)
        if part:
            parts.append(part)
    return parts, len(rows)


def _answer(
    request: Request, parts: list[bytes], total: int | None, cursor: dict[str, Any] | None, frame: tuple[bytes, bytes]
) -> Response:
    headers = {} if total is None else {TOTAL: str(total)}
    if cursor is not None:
        query = [(name, value) for name, value in request.query_params.multi_items() if name not in cursor]
        # Relative: what is said of our own name in the request is not to be believed.
        address = f"{quote(request.scope['path'])}?{urlencode([*query, *cursor.items()])}"
        headers["Link"] = f'<{address}>; rel="next"'
    return Response(frame[0] + b",".join(parts) + frame[1], headers=headers, media_type="application/json")
