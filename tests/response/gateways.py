"""Gateways for messages and calls on this machine, which check and answer requests as the documents of their interfaces say."""

import hashlib
import hmac
import json
import re
import threading
import xml.etree.ElementTree as ET
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRETS = {
    "SOLAPI_API_KEY": "NCSAYU7YDBXYORXC",
    "SOLAPI_API_SECRET": "solapi-secret",
    "SOLAPI_PF_ID": "KA01PF1",
    "NHN_APP_KEY": "app/key",
    "NHN_SECRET_KEY": "nhn-secret",
    "SENS_SERVICE_ID": "ncp:sms:kr:1:air",
    "NCLOUD_ACCESS_KEY": "access",
    "NCLOUD_SECRET_KEY": "ncloud-secret",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "twilio-token",
}
Answer = tuple[int, dict[str, str], Any]


class Gateway:
    """What it took; `faults` are the answers that it gives first, whatever is asked."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.faults: list[Answer] = []

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.paths.append(path)
        if self.faults:
            return self.faults.pop(0)
        if path == "/messages/v4/send":
            return self._solapi(headers, json.loads(body))
        if path.startswith("/sms/v3.0/appKeys/"):
            return self._nhn(path, headers, json.loads(body))
        if path.startswith("/sms/v2/services/"):
            return self._sens(path, headers, json.loads(body))
        return self._twilio(path, headers, body.decode())

    def _solapi(self, headers: dict[str, str], body: Any) -> Answer:
        """https://developers.solapi.com: HMAC of date and salt, which may not be 15 minutes old."""
        found = re.fullmatch(
            r"HMAC-SHA256 apiKey=(\w+), date=(\S+), salt=(\w{12,64}), signature=(\w+)", headers["Authorization"]
        )
        assert found
        key, date, salt, signature = found.groups()
        expected = hmac.new(SECRETS["SOLAPI_API_SECRET"].encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        is_now = abs((datetime.now(UTC) - datetime.fromisoformat(date)).total_seconds()) < 900
        if (key, signature) != (SECRETS["SOLAPI_API_KEY"], expected) or not is_now:
            return 403, {}, {"errorCode": "SignatureDoesNotMatch", "errorMessage": "signature"}
        message = body["message"]
        if not re.fullmatch(r"01\d{9}", message["to"]) or message["kakaoOptions"]["pfId"] != SECRETS["SOLAPI_PF_ID"]:
            return 400, {}, {"errorCode": "ValidationError", "errorMessage": "to"}
        self.taken.append(message)
        return 200, {}, {"statusCode": "2000", "statusMessage": "정상 접수(이통사로 접수 예정) ", "to": message["to"]}

    def _nhn(self, path: str, headers: dict[str, str], body: Any) -> Answer:
        """Answers 200 to everything, with a code of its own."""
        if path != "/sms/v3.0/appKeys/app%2Fkey/sender/sms" or headers["X-Secret-Key"] != SECRETS["NHN_SECRET_KEY"]:
            refused = {"isSuccessful": False, "resultCode": -1000, "resultMessage": "Invalid appKey"}
            return 200, {}, {"header": refused, "body": None}
        assert len(body["body"].encode("euc-kr")) <= 90
        self.taken.append(body)
        to = body["recipientList"][0]["recipientNo"]
        result = {"recipientNo": to, "resultCode": 0, "resultMessage": "SUCCESS"}
        taken = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
        return 200, {}, {"header": taken, "body": {"data": {"requestId": "1", "sendResultList": [result]}}}

    def _sens(self, path: str, headers: dict[str, str], body: Any) -> Answer:
        at, key = headers["x-ncp-apigw-timestamp"], headers["x-ncp-iam-access-key"]
        text = f"POST {path}\n{at}\n{key}"
        digest = hmac.new(SECRETS["NCLOUD_SECRET_KEY"].encode(), text.encode(), hashlib.sha256).digest()
        if headers["x-ncp-apigw-signature-v2"] != b64encode(digest).decode():
            return 401, {}, {"error": {"errorCode": "200", "message": "Authentication Failed"}}
        assert body["type"] == "SMS"
        self.taken.append(body)
        return 202, {}, {"requestId": "r", "statusCode": "202", "statusName": "success"}

    def _twilio(self, path: str, headers: dict[str, str], body: str) -> Answer:
        login = b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        if login != "AC1:twilio-token" or path != "/2010-04-01/Accounts/AC1/Calls.json":
            return 401, {}, {"code": 20003, "message": "Authenticate", "status": 401}
        form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        if not re.fullmatch(r"\+\d{8,15}", form["To"]):
            return 400, {}, {"code": 21211, "message": "The phone number is invalid", "status": 400}
        form["said"] = ET.fromstring(form["Twiml"]).findtext("Say") or ""
        self.taken.append(form)
        return 201, {}, {"sid": "CA1", "status": "queued"}


@contextmanager
def gateway() -> Iterator[Gateway]:
    """All of them at one address."""
    made = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, document = made.answer(self.path, dict(self.headers), body)
            answer = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            made.paths.append(self.path)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
