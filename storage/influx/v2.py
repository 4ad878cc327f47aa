"""InfluxDB 2.x: buckets that InfluxQL takes for policies of a database, written through the official client."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import urllib3

from jeonju.common.errors import UserError
from jeonju.storage.influx.address import Address
from jeonju.storage.influx.http import (
    ANSWER_S,
    Keeping,
    Precision,
    Queries,
    dropped_as_too_old,
    refusal,
    said,
    unreachable,
)
from jeonju.storage.influx.line_protocol import bodies
from jeonju.storage.influx.names import POLICIES

# What 2.x calls the policy of a bucket whose name has no slash, as 1.x calls that of a new database.
_DEFAULT: Final = "autogen"
_FORBIDDEN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_DAY_S: Final = 86_400


class Version2(Queries):
    """InfluxDB 2.x: a policy of a database is the bucket DATABASE/POLICY, and InfluxQL finds it by that name."""

    def __init__(self, address: Address) -> None:
        # This takes a while, and 1.x needs none of it.
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        super().__init__(address)
        self._client = InfluxDBClient(
            address.base, token=address.token, org=address.org, timeout=int(ANSWER_S * 1000), retries=False
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def prepare(self, keeping: Keeping | None) -> None:
        """Make the buckets where they are missing, let them keep as long as they should, and see that InfluxQL finds them."""
        with translated_errors(self._address):
            buckets = {_DEFAULT: self._prepare_bucket(self._address.name, None, keep=False)}
            for policy in POLICIES:
                kept_s = keeping[policy] if keeping else None
                buckets[policy] = self._prepare_bucket(self._bucket(policy), kept_s, keep=keeping is not None)
            self._map(buckets)

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> list[int]:
        """Write lines through the official client."""
        from influxdb_client.rest import ApiException

        dropped: list[int] = []
        first = 0
        for body, count in bodies(lines):
            with translated_errors(self._address):
                try:
                    self._writer.write(self._bucket(policy), record=body, write_precision=precision)
                except ApiException as error:
                    dropped += range(
                        first,
                        first + dropped_as_too_old(self._address, error.status or 0, str(error.body or error.reason)),
                    )
            first += count
        return dropped

    def close(self) -> None:
        """Let go of the connections."""
        self._writer.close()
        self._client.close()
        super().close()

    def _bucket(self, policy: str | None) -> str:
        return self._address.name if policy is None else f"{self._address.name}/{policy}"

    def _prepare_bucket(self, name: str, kept_s: float | None, *, keep: bool) -> Any:
        from influxdb_client import BucketRetentionRules

        buckets = self._client.buckets_api()
        # 0 stands for ever; without a rule the server would leave an old one as it is.
        rule = BucketRetentionRules(
            type="expire", every_seconds=int(kept_s or 0), shard_group_duration_seconds=_shard_s(kept_s)
        )
        found = self._find_bucket(buckets, name)
        if found is None:
            with self._not_allowed(
                f"finds no bucket {name} in the organization {self._address.org} and may not make it"
            ):
                return buckets.create_bucket(bucket_name=name, org=self._address.org, retention_rules=[rule])
        if keep and [old.every_seconds for old in found.retention_rules] != [rule.every_seconds]:
            found.retention_rules = [rule]
            with self._not_allowed(f"may not change how long the bucket {name} keeps"):
                buckets.update_bucket(found)
        return found

    def _map(self, buckets: dict[str, Any]) -> None:
        """See that InfluxQL takes the buckets for policies of one database: since 2.4 their names say so, unless somebody has mapped others."""
        from influxdb_client import DBRPCreate, DBRPsService

        service = DBRPsService(self._client.api_client)
        org_id = buckets[_DEFAULT].org_id
        mappings = service.get_dbr_ps(org_id=org_id, db=self._address.name).content
        found = {mapping.retention_policy: mapping for mapping in mappings}
        for policy, bucket in buckets.items():
            mapping = found.get(policy)
            if mapping is None:
                new = DBRPCreate(
                    org_id=org_id,
                    bucket_id=bucket.id,
                    database=self._address.name,
                    retention_policy=policy,
                    default=policy == _DEFAULT,
                )
                with self._not_allowed(f"may not map the bucket {bucket.name} for InfluxQL"):
                    service.post_dbrp(new)
            elif mapping.bucket_id != bucket.id or mapping.default != (policy == _DEFAULT):
                raise UserError(
                    f"{self._address}: InfluxQL does not find the bucket {bucket.name} as {policy!r}, because somebody has mapped the database "
                    f"{self._address.name} otherwise; see `influx v1 dbrp list` and delete that mapping"
                )

    def _find_bucket(self, buckets: Any, name: str) -> Any:
        from influxdb_client.rest import ApiException

        try:
            found = buckets.find_buckets(name=name, org=self._address.org).buckets
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found[0] if found else None

    @contextmanager
    def _not_allowed(self, what: str) -> Iterator[None]:
        from influxdb_client.client.exceptions import InfluxDBError
        from influxdb_client.rest import ApiException

        try:
            yield
        except InfluxDBError as error:
            # The client's own word for an organization that it cannot look up; it does not say who may not.
            reason = getattr(error, "body", None) or str(error)
            if isinstance(error, ApiException) and error.status not in _FORBIDDEN:
                raise
            raise UserError(f"{self._address}: the token {what}: {said(str(reason))}") from error


@contextmanager
def translated_errors(address: Address) -> Iterator[None]:
    """Turn what the client raises into a refusal or an absence of the server at `address`."""
    from influxdb_client.rest import ApiException

    try:
        yield
    except ApiException as error:
        raise refusal(address, error.status or 0, str(error.body or error.reason)) from error
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(address, error) from error


def _shard_s(kept_s: float | None) -> int:
    """Return how much time a file of the server should span: what both versions choose by themselves for new policies."""
    if kept_s is None or kept_s > 180 * _DAY_S:
        return 7 * _DAY_S
    return _DAY_S if kept_s >= 2 * _DAY_S else 3600
