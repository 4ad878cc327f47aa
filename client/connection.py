"""Requests to an api, and the one exception for what it does not do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import httpx2 as httpx
import msgspec

from jeonju.common.errors import JeonjuError
from jeonju.common.secret_file import read_secret

CONNECT_S: Final = 5.0
# Longer than anything may take to answer; the stream of events says every 15 s that it is there.
READ_S: Final = 60.0
_LONGEST_DETAIL: Final = 500

_TEMPORARY: Final = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)

Query = Mapping[str, Any]
NONE: Final[Query] = MappingProxyType({})


class ApiError(JeonjuError):
    """The api refuses, is not there or breaks off; the text is one line with what it said. `status` is None where it did not answer."""

    def __init__(self, text: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.status, self.retry_after_s = status, retry_after_s
        self.is_temporary = status is None or status in _TEMPORARY


class Connection:
    """The api at an address, with a key, if it needs one."""

    def __init__(self, url: str, key: str | None, key_file: Path | None, ca: Path | None) -> None:
        if key_file is not None:
            key = read_secret(key_file, "key_file")
        self.url = url.rstrip("/")
        try:
            self._http = httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                verify=True if ca is None else httpx.create_ssl_context(verify=str(ca)),
            )
        except (httpx.InvalidURL, OSError, ValueError) as error:
            raise ApiError(f"{url} cannot be asked: {error}; give such as http://127.0.0.1:8000") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def json(
        self,
        path: str,
        kind: Any = Any,
        query: Query = NONE,
        *,
        method: str = "GET",
        content: Any = None,
        read_s: float = READ_S,
    ) -> Any:
        """Return what it answers within `read_s` [s], as `kind`. Raises ApiError."""
        with self.asked(path, query, method=method, content=content, read_s=read_s) as answer:
            return _decoded(self.url, answer.read(), kind)

    def pages(self, path: str, kind: Any, query: Query = NONE) -> list[Any]:
        """Return all rows of a list, page by page. Raises ApiError."""
        found: list[Any] = []
        following: str | None = path
        while following is not None:
            with self.asked(following, query) as answer:
                found += _decoded(self.url, answer.read(), list[kind])
                following = answer.links.get("next", {}).get("url")
            query = NONE
        return found

    @contextmanager
    def asked(
        self,
        path: str,
        query: Query = NONE,
        *,
        method: str = "GET",
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        read_s: float = READ_S,
    ) -> Iterator[httpx.Response]:
        """Give the answer to one request, to be read within the block. Raises ApiError, also where it breaks off within the block."""
        given = {name: value for name, value in query.items() if value is not None}
        try:
            timeout = httpx.Timeout(read_s, connect=CONNECT_S)
            request = self._http.stream(
                method, path, params=given or None, json=content, headers=headers, timeout=timeout
            )
            with request as answer:
                if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                    answer.read()
                    raise _refused(self.url, answer)
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            why = str(error) or type(error).__name__
            raise ApiError(f"{self.url} does not answer: {why}; is it running, and the address right?") from error


def _refused(url: str, answer: httpx.Response) -> ApiError:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.status_code} {answer.reason_phrase}"
    after = answer.headers.get("retry-after", "")
    retry_after_s = float(after) if after.isdecimal() else None
    return ApiError(f"{url} refuses: {' '.join(detail.split())[:_LONGEST_DETAIL]}", answer.status_code, retry_after_s)


def _decoded(url: str, body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ApiError(f"{url} is not the api of this project, or of another version: {error}") from error
