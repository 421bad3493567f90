"""The simulator in front of the vendor's own client: ``google-genai`` with only its address and certificate changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession

from tests.bridges.gemini import sdk
from tests.servers import toned
from tests.servers.gemini_live import RELUCTANT, GeminiLive
from tests.servers.minds import Brain
from tests.servers.provider import Faults
from tests.servers.tls_front import tls_front

SPEECH = toned.speak(30, 4, 16000) + bytes(16000 * 2)
DECLARED = types.FunctionDeclaration(name="get_time", description="The time")


@asynccontextmanager
async def session(
    server: GeminiLive, folder: Path, *, key: str | None = None, model: str = "gemini-3.8-live", **config: Any
) -> AsyncIterator[AsyncSession]:
    """Connect as an application would."""
    port = int(server.http.rpartition(":")[2])
    async with tls_front(port, folder) as (address, trusted):
        options = types.HttpOptions(base_url=address, async_client_args={"ssl": trusted})
        client = genai.Client(api_key=key or server.key, http_options=options)
        try:
            told = types.LiveConnectConfig(**{"response_modalities": ["AUDIO"], **config})
            async with client.aio.live.connect(model=model, config=told) as live:
                yield live
        finally:
            await client.aio.aclose()
            client.close()


async def turn(live: AsyncSession) -> list[types.LiveServerMessage]:
    """Return the messages of one turn."""
    async with asyncio.timeout(20):
        return [message async for message in live.receive()]


def sound(messages: list[types.LiveServerMessage]) -> bytes:
    parts = [
        part
        for message in messages
        if message.server_content is not None and message.server_content.model_turn is not None
        for part in message.server_content.model_turn.parts or []
    ]
    return b"".join(part.inline_data.data or b"" for part in parts if part.inline_data is not None)


async def test_the_sdk_speaks_and_is_answered(tmp_path: Path) -> None:
    async with GeminiLive(brain=Brain("count to three"), speed=20) as server:
        transcribed: dict[str, Any] = {"input_audio_transcription": {}, "output_audio_transcription": {}}
        async with session(server, tmp_path, **transcribed) as live:
            for start in range(0, len(SPEECH), 3200):
                blob = types.Blob(data=SPEECH[start : start + 3200], mime_type="audio/pcm;rate=16000")
                await live.send_realtime_input(audio=blob)
            got = await turn(live)
        contents = [message.server_content for message in got if message.server_content is not None]
        heard = "".join(each.input_transcription.text or "" for each in contents if each.input_transcription)
        assert heard.strip() == "count to three"
        assert toned.sentences(sound(got), 24000) == [1, 2, 3]
        assert got[-1].usage_metadata is not None
        assert got[-1].usage_metadata.response_token_count == server.truth.total("output_tokens")
        for message in server.told:
            sdk.check_received(json.dumps(message))


async def test_the_sdk_writes_a_turn_and_answers_a_function(tmp_path: Path) -> None:
    async with GeminiLive(speed=20) as server:
        tool = types.Tool(function_declarations=[DECLARED])
        async with session(server, tmp_path, tools=[tool], output_audio_transcription={}) as live:
            content = types.Content(role="user", parts=[types.Part(text="use get_time")])
            await live.send_client_content(turns=content)
            async with asyncio.timeout(20):
                asked = await anext(live.receive())
            assert asked.tool_call is not None
            (call,) = asked.tool_call.function_calls or []
            answer = types.FunctionResponse(id=call.id, name=call.name, response={"output": "14:05"})
            await live.send_tool_response(function_responses=[answer])
            got = await turn(live)
        said = [each.server_content.output_transcription for each in got if each.server_content is not None]
        assert "The tool says 14:05." in [each.text for each in said if each is not None]


async def test_the_sdk_ends_its_turns_by_hand_and_breaks_in(tmp_path: Path) -> None:
    manual = types.RealtimeInputConfig(automatic_activity_detection=types.AutomaticActivityDetection(disabled=True))
    async with GeminiLive(brain=Brain("count to eight", "count to one"), speed=3) as server:
        async with session(server, tmp_path, realtime_input_config=manual) as live:
            for _ in range(2):
                await live.send_realtime_input(activity_start=types.ActivityStart())
                blob = types.Blob(data=SPEECH, mime_type="audio/pcm;rate=16000")
                await live.send_realtime_input(audio=blob)
                await live.send_realtime_input(activity_end=types.ActivityEnd())
                await asyncio.sleep(0.3)
            first, second = await turn(live), await turn(live)
        assert any(each.server_content is not None and each.server_content.interrupted for each in first)
        assert toned.sentences(sound(second), 24000) == [1]


async def test_the_sdk_takes_a_session_up_again(tmp_path: Path) -> None:
    async with GeminiLive(speed=20, faults=Faults(go_away_s=0.2, session_s=20)) as server:
        resumption: dict[str, Any] = {}
        async with session(server, tmp_path, session_resumption=resumption) as live:
            await live.send_client_content(turns=types.Content(role="user", parts=[types.Part(text="hello")]))
            handles, leaving, answered = [], False, False
            async with asyncio.timeout(20):
                while not (len(handles) > 1 and leaving and answered):  # one at the start, and one that knows the turn
                    message = await anext(live.receive())
                    leaving = leaving or message.go_away is not None
                    answered = answered or bool(message.server_content and message.server_content.turn_complete)
                    update = message.session_resumption_update
                    handles += [update.new_handle] if update is not None else []
        async with session(server, tmp_path, session_resumption={"handle": handles[-1]}):
            assert server.last.lines[0].text == "hello"
        with pytest.raises(errors.APIError) as refused:
            async with session(server, tmp_path, session_resumption={"handle": "unknown"}):
                pass
        assert refused.value.code == 1007


async def test_the_sdk_is_refused_like_by_the_vendor(tmp_path: Path) -> None:
    async with GeminiLive() as server:
        for code, wrong in ((1007, {"key": "wrong"}), (1008, {"model": "gemini-0"})):
            with pytest.raises(errors.APIError) as refused:
                async with session(server, tmp_path, **wrong):  # type: ignore[arg-type]
                    pass
            assert refused.value.code == code


async def test_a_model_that_takes_no_content_later_closes(tmp_path: Path) -> None:
    async with GeminiLive(speed=50) as server, session(server, tmp_path, model=RELUCTANT) as live:
        content = types.Content(role="user", parts=[types.Part(text="hello")])
        await live.send_client_content(turns=content)
        await turn(live)
        await live.send_client_content(turns=content)
        with pytest.raises(errors.APIError) as refused:
            await turn(live)
        assert refused.value.code == 1007


@pytest.mark.parametrize(
    "sent",
    [
        *("{", "[]", '{"setup": {}}', '{"dance": {}}', '{"realtimeInput": {"text": "a", "activityStart": {}}}'),
        *('{"realtimeInput": {"activityStart": {}}}', '{"realtimeInput": {"volume": 3}}'),
        '{"realtimeInput": {"audio": {"data": "AAA=", "mimeType": "audio/pcm;rate=8000"}}}',
        '{"toolResponse": {"functionResponses": [{"id": "x", "name": "f", "response": {}}]}}',
        '{"clientContent": {"turnComplete": true}, "realtimeInput": {"text": "a"}}',
    ],
)
async def test_what_is_not_documented_ends_the_session(tmp_path: Path, sent: str) -> None:
    async with GeminiLive() as server, session(server, tmp_path) as live:
        await live._ws.send(sent)
        with pytest.raises(errors.APIError) as refused:
            await turn(live)
        assert refused.value.code == 1007
