from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from signaling.ownership import TURNS, in_turn, owned
from signaling.routes import ROUTES


def asked(method: str, path: str, key: str = "sk-shop", **info: str) -> Any:
    request = make_mocked_request(method, path, headers={"Authorization": f"Bearer {key}"})
    request.match_info.update(info)
    return request


@pytest.mark.parametrize(
    ("request_", "worker", "code"),
    [
        (asked("GET", "/v1/realtime/calls/rtc_w3_x", call_id="rtc_w3_x"), 3, "call_not_found"),
        (asked("GET", "/v1/realtime?call_id=rtc_w2_x"), 2, "call_not_found"),
        (asked("POST", "/sessions/w4_x/api/offer", session_id="w4_x"), 4, "session_not_found"),
        (asked("GET", "/v1/audio/batches/batch_w5_x", batch_id="batch_w5_x"), 5, "batch_not_found"),
        (asked("POST", "/v1/realtime/calls", "ek_w1_x"), 1, "invalid_api_key"),
        (asked("GET", "/v1/realtime?call_id=rtc_w2_x", "ek_w1_x"), 1, "invalid_api_key"),
    ],
)
async def test_a_name_says_whose_it_is(request_: Any, worker: int, code: str) -> None:
    whose = await owned(request_)
    assert whose is not None and (whose.worker, whose.gone().code) == (worker, code)


@pytest.mark.parametrize(
    "request_",
    [
        asked("POST", "/v1/realtime/calls"),
        asked("GET", "/v1/realtime?model=w1_x"),
        asked("GET", "/v1/realtime/calls/rtc_x", call_id="rtc_x"),
        asked("POST", "/v1/realtime/calls", "sk_w1_x"),
        asked("GET", "/api/offer"),
        make_mocked_request("GET", "/"),
    ],
)
async def test_all_else_is_anybodys(request_: Any) -> None:
    assert await owned(request_) is None


def test_it_is_the_turn_of_each_for_what_begins_many_calls() -> None:
    assert {route.path for route in ROUTES if route.method == "POST"} >= TURNS
    assert in_turn(asked("POST", "/start")) and not in_turn(asked("GET", "/start"))
    assert not in_turn(asked("POST", "/v1/realtime/calls"))
