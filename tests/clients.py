"""Clients of the api in the same process, as a browser or script on this machine is one."""

from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient


def local_client(app: FastAPI, **options: Any) -> TestClient:
    """Return a client that asks from this machine, under a name of this machine: without keys nobody else is served."""
    return TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000), **options)
