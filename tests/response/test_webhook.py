"""A webhook whose receiver is hostile."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jeonju.common.errors import UnavailableError
from jeonju.response.notify.notification import Due, Notification
from jeonju.response.notify.webhook import open_webhook
from jeonju.rules.channels import Webhook
from tests.response.notifying import NOW, SECRET

NEWS = Notification(
    id="n",
    site="jeonju",
    kind="smoke",
    zone="palbok",
    title_ko="연기",
    title_en="Smoke",
    due=(Due("a", "raised-critical", {"severity": "critical"}),),
)


@pytest.mark.parametrize("answer", ["endless", "redirect"])
def test_receiver_leads_a_webhook_nowhere_and_fills_no_memory(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, is_over = list[str](), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if answer == "endless" else 307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            try:
                while answer == "endless":
                    self.wfile.write(b"x" * 65_536)
            except OSError:
                is_over.set()

        def do_GET(self) -> None:
            asked.append(self.path)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    monkeypatch.setenv("HOSTILE", SECRET)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        send = open_webhook(Webhook(name="room", type="webhook", url=url, secret="env:HOSTILE"))
        if answer == "endless":
            send(NEWS, NOW)
            assert is_over.wait(60)
        else:
            with pytest.raises(UnavailableError, match="answered 307"):
                send(NEWS, NOW)
        assert asked == ["/hook"]
        server.shutdown()
