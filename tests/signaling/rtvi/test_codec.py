from __future__ import annotations

import json
from typing import Any

import pytest

from mediaserver import events as happened
from mediaserver.commands import CreateItem, CreateResponse
from mediaserver.items import Item
from mediaserver.settings import Settings
from signaling.realtime.parse import MAX_BYTES
from signaling.rtvi.codec import Refused, RtviCodec
from signaling.rtvi.reader import NOTHING


def codec() -> RtviCodec:
    return RtviCodec(Settings("local"), wall=lambda: 0.0)


def rtvi(kind: str, data: Any = None, name: str = "m1") -> str:
    return json.dumps({"label": "rtvi-ai", "type": kind, "id": name, "data": data})


def result(call_id: str) -> str:
    return rtvi("llm-function-call-result", {"function_name": "f", "tool_call_id": call_id, "result": "x"})


def kinds(commands: tuple[Any, ...]) -> list[type]:
    return [type(command) for command in commands]


@pytest.mark.parametrize(
    "text",
    [
        "ping: 1700000000000",
        '{"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 0, "enabled": false}}',
        '{"label": "other", "type": "send-text", "data": {"content": "x"}}',
    ],
)
def test_what_asks_for_nothing(text: str) -> None:
    assert codec().read(text) == NOTHING


def test_the_clients_version_decides_how_it_is_told() -> None:
    at = codec()
    at.read(rtvi("client-ready", {"version": "1.4.0"}))
    told = at.write(happened.TextDone("r", "i", "One."))
    assert json.loads(told.texts[0])["data"]["spoken"] is False


@pytest.mark.parametrize(
    ("said", "kind", "name"),
    [
        (rtvi("nonsense"), "error-response", "m1"),
        (rtvi("send-text", {"content": 1}), "error-response", "m1"),
        ('{"label": "rtvi-ai", "type": "x", "id": 5}', "error", None),
        ('{"label": "rtvi-ai", "type": "x", "id": "' + "i" * 200 + '"}', "error", None),
        ("{", "error", None),
        ("ping: " + "x" * 100, "error", None),
        (b"\x00", "error", None),
        ("[" * 100_000, "error", None),
        ('"' + "x" * MAX_BYTES + '"', "error", None),
        (rtvi("send-text", {"content": {}}).replace("{}", '{"a":' * 50 + "1" + "}" * 50), "error", None),
    ],
)
def test_garbage_is_answered_with_an_error_and_nothing_else(said: str | bytes, kind: str, name: str | None) -> None:
    with pytest.raises(Refused) as caught:
        codec().read(said)
    answer = json.loads(caught.value.text)
    assert answer["type"] == kind and answer["data"]["fatal"] is False
    assert name is None or answer["id"] == name


def test_the_model_goes_on_when_the_last_function_has_its_result() -> None:
    at = codec()
    at.write(happened.ResponseCreated("r1"))
    for call_id in ("c1", "c2"):
        at.write(happened.ToolCalled("r1", "i", call_id, "f", "{}"))
    assert at.write(happened.ResponseDone("r1")).commands == ()
    assert kinds(at.read(result("c2")).commands) == [CreateItem]
    assert kinds(at.read(result("c1")).commands) == [CreateItem, CreateResponse]


def test_a_result_that_is_faster_than_the_response_waits_for_its_end() -> None:
    at = codec()
    at.write(happened.ResponseCreated("r1"))
    at.write(happened.ToolCalled("r1", "i", "c1", "f", "{}"))
    assert kinds(at.read(result("c1")).commands) == [CreateItem]
    assert kinds(at.write(happened.ResponseDone("r1")).commands) == [CreateResponse]
    assert at.write(happened.ResponseDone("r1")).commands == ()


def test_a_result_that_the_next_response_knows_already_asks_for_no_other() -> None:
    at = codec()
    at.write(happened.ResponseCreated("r1"))
    at.write(happened.ToolCalled("r1", "i", "c1", "f", "{}"))
    at.read(result("c1"))
    at.write(happened.ResponseCreated("r2"))
    assert at.write(happened.ResponseDone("r1")).commands == ()
    assert at.write(happened.ResponseDone("r2")).commands == ()


def test_results_that_nobody_waits_for_are_refused() -> None:
    at = codec()
    at.write(happened.ResponseCreated("aside", out_of_band=True))
    at.write(happened.ResponseCreated("r1"))
    for response, call_id in (("aside", "c0"), ("r1", "c1"), ("r1", "c2"), ("r1", "c3")):
        at.write(happened.ToolCalled(response, "i", call_id, "f", "{}"))
    at.write(happened.ItemAdded(Item("o", "function_call_output", call_id="c1", output="by the server")))
    at.write(happened.ToolsCancelled(("c2",)))
    at.read(result("c3"))
    for call_id in ("c0", "c1", "c2", "c3", "c4"):
        with pytest.raises(Refused):
            at.read(result(call_id))
