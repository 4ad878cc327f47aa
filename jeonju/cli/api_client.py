"""Ask a running api, for commands whose store another process has open."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import urllib3

from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.secret_file import read_secret

TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=60.0)


class ApiClient:
    """The api at an address, with the key in a file, if it needs one."""

    def __init__(self, url: str, key_file: Path | None) -> None:
        self.url = url.rstrip("/")
        key = None if key_file is None else read_secret(key_file, "--key-file")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> Any:
        """Return what it answers, None where there is nothing of that name."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, fields=given)

    def post(self, path: str, content: Any, *, read_s: float | None = None) -> Any:
        """Let it do something, and return what it answers, within `read_s` where it may take longer than usual."""
        timeout = TIMEOUT if read_s is None else urllib3.Timeout(connect=5.0, read=read_s)
        return self._ask("POST", path, timeout, json=content)

    def _ask(self, method: str, path: str, timeout: urllib3.Timeout = TIMEOUT, **content: Any) -> Any:
        """Raises UserError with the reason when it refuses, UnavailableError when it is not there."""
        try:
            answer = urllib3.request(
                method, f"{self.url}{path}", headers=self._headers, retries=False, timeout=timeout, **content
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise UnavailableError(f"{self.url} does not answer: {error}; is it running, and --from right?") from error
        try:
            document = json.loads(answer.data)
        except ValueError:
            raise UserError(f"{self.url} is not the api of this project") from None
        if answer.status == HTTPStatus.NOT_FOUND and method == "GET":
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise UserError(f"{self.url} refuses: {document.get('detail', answer.status)}")
        return document
