"""Who is told, and how: the channels, a test of one, who is on call now, and what the public is advised."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Response

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.state import Air, State
from jeonju.common.errors import RejectedError, UnavailableError, UserError
from jeonju.messages.advice import KEYS, advice_of
from jeonju.messages.catalogue import both
from jeonju.response.notify.outbox import Outbox

router = APIRouter(prefix="/api/v1", tags=["alerts"])

_CHANNEL: Final = {
    "name": "kim-sms",
    "type": "http",
    "severity": "warning",
    "kinds": ["*"],
    "people": ["kim"],
    "quiet_now": False,
    "sent": 12,
    "failed": 1,
    "waiting": 0,
    "trouble": None,
}
_ADVICE: Final = advice_of("bad", "119").to_json()


@router.get("/channels", responses=example({"channels": [_CHANNEL], "on_call": {"duty": ["kim"]}}))
async def channels(air: Air) -> Response:
    """The channels of the rules with what became of their notifications, and who is on call in each role now."""
    local = air.now().astimezone(ZoneInfo(air.site.timezone))
    calling = air.alerts.rules.calling
    roles = sorted({shift.role for shift in calling.on_call})
    return answer(
        {
            "channels": [_channel(air, outbox) for outbox in air.response.outboxes],
            "on_call": {role: sorted(calling.has(role, local)) for role in roles},
        }
    )


@router.post(
    "/channels/{channel}/test",
    **ADMIN_ONLY,
    responses=example({"channel": "kim-sms", "answer": "api.solapi.com answered 200: statusCode 2000"}),
)
async def test(air: Air, who: Who, channel: str) -> Response:
    """Send a test through a channel now, whatever its quiet hours, and return what was answered; 502 with the answer where it was not taken."""
    outbox = next((outbox for outbox in air.response.outboxes if outbox.name == channel), None)
    if outbox is None:
        there = ", ".join(outbox.name for outbox in air.response.outboxes) or "none at this api"
        raise HTTPException(404, f"no channel is called {channel[:200]!r}; there are: {there}")
    try:
        said = await air.turns.tests.run(lambda: outbox.test(who))
    except UserError as error:
        raise HTTPException(409, str(error)) from error
    except (RejectedError, UnavailableError) as error:
        raise HTTPException(502, str(error)) from error
    return answer({"channel": channel, "answer": said})


@router.get("/advice", responses=example({"advice": [_ADVICE], "sensitive_who_en": "…", "source_en": "…"}))
async def advice(air: Air) -> Response:
    """What everybody and sensitive people should do, for each class of the CAI and where there is smoke (`smoke-here`)."""
    who, source = both("public-sensitive-who"), both("public-advice-source")
    return answer(
        {
            "advice": [advice_of(key, air.site.emergency_number).to_json() for key in KEYS],
            "sensitive_who_ko": who[0],
            "sensitive_who_en": who[1],
            "source_ko": source[0],
            "source_en": source[1],
        }
    )


def _channel(air: State, outbox: Outbox) -> dict[str, Any]:
    settings, calling = outbox.channel, air.alerts.rules.calling
    local = air.now().astimezone(ZoneInfo(air.site.timezone))
    return {
        "name": settings.name,
        "type": getattr(settings, "type", ""),
        "language": settings.language,
        "severity": settings.severity,
        "kinds": settings.kinds,
        "people": sorted(calling.owners(settings.name)),
        "quiet_now": calling.holds_back(settings, "info", local),
        **outbox.state(),
    }
