"""The official Python SDK makes calls here with only its base URL changed."""

from __future__ import annotations

import asyncio

import openai
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from mediaserver.config import Config, Key, Media, Secret
from tests.signaling.houses import House, house

LIMIT_S = 20.0


def sdk(client: House, key: str = "sk-local") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=key, base_url=str(client.make_url("/v1")), max_retries=0)


async def connected(peer: RTCPeerConnection) -> None:
    async with asyncio.timeout(LIMIT_S):
        while peer.connectionState != "connected":
            assert peer.connectionState not in ("failed", "closed")
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "session",
    [
        None,
        {
            "type": "realtime",
            "model": "echo",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                    "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
                },
                "output": {"voice": "marin", "speed": 1.1},
            },
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
            "tool_choice": "auto",
            "tracing": "auto",
            "truncation": "auto",
            "max_output_tokens": "inf",
        },
    ],
    ids=["raw", "multipart"],
)
async def test_creates_and_hangs_up(session: dict[str, object] | None) -> None:
    peer = RTCPeerConnection()
    peer.createDataChannel("oai-events")
    peer.addTrack(AudioStreamTrack())
    try:
        async with house() as client, sdk(client) as user:
            await peer.setLocalDescription(await peer.createOffer())
            made = (
                await user.realtime.calls.create(sdp=peer.localDescription.sdp)
                if session is None
                else await user.realtime.calls.create(sdp=peer.localDescription.sdp, session=session)  # type: ignore[arg-type]
            )
            assert made.response.status_code == 201
            call_id = made.response.headers["Location"].rpartition("/")[2]
            assert call_id.startswith("rtc_")
            await peer.setRemoteDescription(RTCSessionDescription(made.content.decode(), "answer"))
            await connected(peer)
            await user.realtime.calls.hangup(call_id)
            with pytest.raises(openai.NotFoundError):
                await user.realtime.calls.hangup(call_id)
    finally:
        await peer.close()


async def test_errors_are_the_sdks_own() -> None:
    config = Config(
        media=Media(port=0, addresses=("127.0.0.1",)), keys=(Key(name="narrow", key=Secret("sk-n"), models=("echo",)),)
    )
    async with house(config) as client:
        async with sdk(client, "sk-wrong") as user:
            with pytest.raises(openai.AuthenticationError) as refused:
                await user.realtime.calls.create(sdp="v=0")
            assert refused.value.code == "invalid_api_key"
        async with sdk(client, "sk-n") as user:
            with pytest.raises(openai.PermissionDeniedError):
                await user.realtime.calls.create(sdp="v=0", session={"type": "realtime", "model": "local"})
        async with sdk(client) as user:
            with pytest.raises(openai.NotFoundError) as unknown:
                await user.realtime.calls.create(sdp="v=0", session={"type": "realtime", "model": "none"})
            assert unknown.value.code == "model_not_found"
            with pytest.raises(openai.BadRequestError) as malformed:
                await user.realtime.calls.create(sdp="v=0")
            assert malformed.value.type == "invalid_request_error"
