"""Set up an InfluxDB 2.x: organization, buckets, and for each service a token that may do what it needs and no more.

Nothing that is right already is touched, so that it may run at every start.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from jeonju.common.errors import UserError
from jeonju.storage.influx.address import Address
from jeonju.storage.influx.http import ANSWER_S
from jeonju.storage.influx.names import POLICIES
from jeonju.storage.influx.v2 import Version2, translated_errors

USER: Final = "jeonju"
Action = Literal["read", "write"]
# What each service does with all buckets. Ingest also sets how long they keep, which who may write may do.
ACTIONS: Final[Mapping[str, tuple[Action, ...]]] = {
    "ingest": ("read", "write"),
    "detect": ("read", "write"),
    "api": ("read", "write"),
    "grafana": ("read",),
}
_SECRET_BYTES: Final = 48


def new_secret() -> str:
    """Return a random secret without characters that shells, addresses or configuration files treat differently."""
    return secrets.token_urlsafe(_SECRET_BYTES)


class InfluxSetup:
    """A server at `http://host:8086`, and the operator's token, which may do everything."""

    def __init__(self, base: str, org: str, bucket: str, operator_token: str) -> None:
        from influxdb_client import InfluxDBClient

        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise UserError(f"{base!r} is no address of an InfluxDB 2.x; write it like http://influxdb:8086")
        self._address = Address(base.rstrip("/"), bucket, None, "", org, operator_token)
        self._client = InfluxDBClient(
            self._address.base, token=operator_token, org=org, timeout=int(ANSWER_S * 1000), retries=False
        )

    def make(self, password: str) -> bool:
        """Make the first user, the organization and the buckets where they are missing; return whether the server was new.

        Raises UserError where it was set up by somebody else, UnavailableError when it does not answer.
        """
        from influxdb_client import OnboardingRequest, SetupService

        with translated_errors(self._address):
            service = SetupService(self._client.api_client)
            is_new = bool(service.get_setup().allowed)
            if is_new:
                service.post_setup(
                    OnboardingRequest(
                        username=USER,
                        password=password,
                        org=self._address.org,
                        bucket=self._address.name,
                        token=self._address.token,
                    )
                )
            elif not self._client.authorizations_api().find_authorizations(org=self._address.org):
                raise UserError(f"{self._address} has no organization {self._address.org}, or the token may not see it")
        server = Version2(self._address)
        try:
            # How long they keep is what ingest says.
            server.prepare(None)
        finally:
            server.close()
        return is_new

    def tokens(self) -> dict[str, str]:
        """Return the token of each service, made where there is none with just its rights."""
        with translated_errors(self._address):
            names = [self._address.name, *(f"{self._address.name}/{policy}" for policy in POLICIES)]
            buckets: Any = self._client.buckets_api()
            found = [buckets.find_bucket_by_name(name) for name in names]
            return {service: self._token(service, found, actions) for service, actions in ACTIONS.items()}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _token(self, service: str, buckets: list[Any], actions: tuple[Action, ...]) -> str:
        from influxdb_client import Authorization, Permission, PermissionResource

        description = f"jeonju {service} {self._address.name}"
        wanted = {(action, bucket.id) for bucket in buckets for action in actions}
        authorizations: Any = self._client.authorizations_api()
        for found in authorizations.find_authorizations(org=self._address.org):
            if found.description != description:
                continue
            if found.status == "active" and {(may.action, may.resource.id) for may in found.permissions} == wanted:
                return str(found.token)
            # Of buckets that were removed, or of another version.
            authorizations.delete_authorization(found)
        org_id = buckets[0].org_id
        permissions = [
            Permission(action, PermissionResource(type="buckets", id=bucket, org_id=org_id))
            for action, bucket in sorted(wanted)
        ]
        asked = Authorization(org_id=org_id, permissions=permissions)
        asked.description = description
        return str(authorizations.create_authorization(authorization=asked).token)


def store_url(base: str, org: str, bucket: str) -> str:
    """Return the address of the store, as `--store` takes it."""
    kind = "influxdbs" if base.startswith("https") else "influxdb"
    return f"{kind}://{urlsplit(base).netloc}/{quote(bucket)}?org={quote(org)}"
