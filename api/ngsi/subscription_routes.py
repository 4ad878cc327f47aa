"""The routes of subscriptions: only an administrator may make one, for it has this service send something to an address."""

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import example
from jeonju.api.http.identity import Who
from jeonju.api.http.state import Air
from jeonju.api.ngsi.endpoint import Endpoint
from jeonju.api.ngsi.notifier import Notifier
from jeonju.api.ngsi.problems import NgsiError, bad
from jeonju.api.ngsi.rendering import respond
from jeonju.api.ngsi.routes import PREFIX, answered, root_of
from jeonju.api.ngsi.subscriptions import Subscription, read_subscription
from jeonju.common.errors import UnavailableError, UserError

router = APIRouter(prefix=f"{PREFIX}/subscriptions", tags=["NGSI-LD"])
_EXAMPLE = {
    "id": "urn:ngsi-ld:Subscription:7",
    "type": "Subscription",
    "entities": [{"type": "AirQualityObserved"}],
    "q": "pm25>75",
    "notification": {"endpoint": {"uri": "https://example.org/notify"}, "format": "keyValues"},
    "throttling": 60,
}
_BODY: Final[dict[str, Any]] = {
    "openapi_extra": {
        **ADMIN_ONLY["openapi_extra"],
        "requestBody": {"required": True, "content": {"application/json": {"example": _EXAMPLE}}},
    },
    "dependencies": ADMIN_ONLY["dependencies"],
}


@router.get("", responses=example([_EXAMPLE]))
async def subscriptions(air: Air, request: Request) -> Response:
    """Every subscription that has not expired, 20 at most, with what was sent since the start of the service."""
    notifier, root = _notifier(request), root_of(request)

    def work() -> Response:
        known = notifier.subscriptions.known().values()
        return respond([_shown(notifier, one) for one in known], request.headers, root)

    return await answered(air, work)


@router.get("/{subscription}", responses=example(_EXAMPLE))
async def one_subscription(air: Air, request: Request, subscription: str) -> Response:
    """One subscription."""
    notifier, root = _notifier(request), root_of(request)

    def work() -> Response:
        found = notifier.subscriptions.known().get(subscription)
        if found is None:
            raise NgsiError("ResourceNotFound", f"there is no subscription {subscription[:200]!r}")
        return respond(_shown(notifier, found), request.headers, root)

    return await answered(air, work)


@router.post("", status_code=201, **_BODY)
async def subscribe(air: Air, request: Request, who: Who) -> Response:
    """Have an endpoint told what changes: at once, then at most every 10 seconds, or `throttling`. 20 subscriptions at most.

    The endpoint must be in the open Internet, unless JEONJU_API_NOTIFY_INSIDE names it. No redirect is followed, no answer is read.
    """
    body, notifier = await request.body(), _notifier(request)
    if not notifier.notifies:
        raise HTTPException(409, "this api does not notify; subscribe at the one that responds to alerts")

    def work() -> Response:
        made = read_subscription(body)
        made.condition(air.site)
        try:
            Endpoint(made.notification.endpoint.uri).check()
        except (UserError, UnavailableError) as error:
            raise bad(f"notification.endpoint.uri: {error}") from error
        notifier.subscriptions.add(made, who)
        notifier.wake()
        return Response(status_code=201, headers={"Location": f"{PREFIX}/subscriptions/{made.id}"})

    return await answered(air, work)


@router.delete("/{subscription}", status_code=204, **ADMIN_ONLY)
async def unsubscribe(air: Air, request: Request, who: Who, subscription: str) -> Response:
    """End a subscription."""
    notifier = _notifier(request)

    def work() -> Response:
        notifier.subscriptions.remove(subscription, who)
        notifier.wake()
        return Response(status_code=204)

    return await answered(air, work)


def _notifier(request: Request) -> Notifier:
    notifier: Notifier = request.app.state.ngsi_notifier
    return notifier


def _shown(notifier: Notifier, subscription: Subscription) -> dict[str, Any]:
    content = subscription.to_json()
    progress = notifier.progress(subscription.id).to_json()
    return {**content, "status": "active" if subscription.is_active else "paused"} | {
        "notification": {**content["notification"], **progress}
    }
