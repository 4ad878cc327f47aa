"""A server that answers as Korea's open data portal does, and what waits in its place."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def in_xml(number: str, word: str) -> tuple[int, bytes]:
    return 200, (
        f"<OpenAPI_ServiceResponse>\n<cmmMsgHeader>\n<errMsg>SERVICE ERROR</errMsg>\n<returnAuthMsg>{word}</returnAuthMsg>\n"
        f"<returnReasonCode>{number}</returnReasonCode>\n</cmmMsgHeader>\n</OpenAPI_ServiceResponse>"
    ).encode()


UNREGISTERED = in_xml("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR")
USED_UP = in_xml("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR")
BUSY = in_xml("05", "SERVICETIMEOUT_ERROR")


class Portal(ThreadingHTTPServer):
    """Gives the answers it was handed one after the other, the last one for ever."""

    daemon_threads = True

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/B552584/ArpltnInforInqireSvc"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        body = body.replace(b"{asked}", self.path.encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Ending:
    """Never waits, keeps the waits asked for, and ends after so many."""

    def __init__(self, after: int) -> None:
        self.after, self.waits = after, list[float]()

    def __call__(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) >= self.after
