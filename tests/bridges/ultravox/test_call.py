from typing import Any

import msgspec
import pytest

from bridges.options import Ultravox
from bridges.ultravox import call
from mediaserver.bridge import Opening
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, TurnDetection
from tests.servers.ultravox_calls import AgentCall, OwnCall

TOOL = Tool("get_time", "The time", {"type": "object", "properties": {"zone": {"type": "string"}, "at": {}}})


def made(settings: Settings, history: tuple[Item, ...] = (), **options: Any) -> dict[str, Any]:
    chosen = Ultravox(**options)
    body = call.body(chosen, Opening(settings, history))
    msgspec.convert(body, AgentCall if chosen.agent_id else OwnCall)  # the strict reader of the simulator takes it
    return body


def test_a_call_says_only_what_was_chosen() -> None:
    body = made(Settings("m"))
    assert set(body) == {"medium", "initialOutputMedium", "firstSpeakerSettings", "joinTimeout", "maxDuration"}
    assert body["maxDuration"] == "3600s"
    socket = body["medium"]["serverWebSocket"]
    assert (socket["inputSampleRate"], socket["outputSampleRate"], socket["clientBufferSizeMs"]) == (
        16000,
        24000,
        30_000,
    )


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        (TurnDetection(), None),
        (None, None),
        (TurnDetection(kind="semantic_vad"), None),
        (TurnDetection(silence_duration_ms=384), {"turnEndpointDelay": "0.384s"}),
        (TurnDetection(threshold=0.0), {"frameActivationThreshold": 0.1}),
    ],
)
def test_turns_are_tuned_where_a_client_asks(detection: TurnDetection | None, expected: Any) -> None:
    assert made(Settings("m", turn_detection=detection)).get("vadSettings") == expected


def test_a_function_becomes_a_tool_of_the_client() -> None:
    told = made(Settings("m", tools=(TOOL, Tool("bare"))), tool_timeout_s=7.5)["selectedTools"]
    first = told[0]["temporaryTool"]
    assert [(each["name"], each["required"]) for each in first["dynamicParameters"]] == [("zone", False), ("at", False)]
    assert (first["client"], first["timeout"], told[1]["temporaryTool"]["dynamicParameters"]) == ({}, "7.5s", [])


def test_who_speaks_first() -> None:
    said = Item("i", role="assistant", parts=(Part("output_audio", "Hello"),))
    assert made(Settings("m"), first_speaker="agent")["firstSpeakerSettings"] == {"agent": {}}
    assert made(Settings("m"), (said,), first_speaker="agent")["firstSpeakerSettings"] == {"user": {}}


def test_a_stored_agent_is_not_told_what_is_its_own() -> None:
    body = made(Settings("m", "Be brief.", voice="Mark", tools=(TOOL,)), agent_id="a", template_context={"n": 1})
    assert not {"systemPrompt", "voice", "selectedTools"} & set(body)
    assert body["templateContext"] == {"n": 1}
    params = {each.param for each in call.unmet(Ultravox(agent_id="a"), Settings("m", voice="Mark"))}
    assert params == {"session.audio.output.voice"}
    assert not call.unmet(Ultravox(), Settings("m", voice="Mark"))


def test_a_history_is_bounded_and_without_empty_lines() -> None:
    long = tuple(Item(str(n), role="user", parts=(Part("input_text", f"line {n}"),)) for n in range(1000))
    told = call.messages((*long, Item("e", role="assistant", parts=(Part("output_audio", None),))))
    assert len(told) == call.MAX_MESSAGES - 1
    assert told[-1] == {"role": "MESSAGE_ROLE_USER", "text": "line 999"}
    orphan = call.messages((Item("o", "function_call_output", call_id="c", output="five"),))
    assert orphan == [{"role": "MESSAGE_ROLE_TOOL_RESULT", "text": "five", "invocationId": "c", "toolName": "unknown"}]
