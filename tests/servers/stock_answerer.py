"""A server made of stock aiortc that speaks a little of the contract: it answers each utterance with a tone.

It exists so that clients can be tested against something that is not ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from fractions import Fraction

import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE, FRAME = 48000, 960
PATIENCE_S = 0.3
TONE_HZ = 440


class Tone(MediaStreamTrack):
    """Silence, with a tone of so many frames where it is told to sound."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self._sent = 0
        self._start = time.monotonic()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - time.monotonic()))
        phase = 2 * np.pi * TONE_HZ * (self._sent + np.arange(FRAME)) / RATE
        samples = (8000 * np.sin(phase)).astype(np.int16) if self.left else np.zeros(FRAME, np.int16)
        self.left = max(0, self.left - 1)
        frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class Answerer:
    """One call: hears where speech ends, and says the events of a turn around its tone."""

    def __init__(self, frames: int) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tone = Tone()
        self.commands: list[dict] = []
        self._frames = frames
        self._channel = None
        self._count = itertools.count(1)
        self._silent_since: float | None = None
        self.peer.on("datachannel", self._opened)
        self.peer.on("track", self._heard_from)
        self.listening: asyncio.Task | None = None

    def _opened(self, channel) -> None:
        if channel.label == "oai-events":
            self._channel = channel
            channel.on("message", self._command)
            self._tell("session.created", session={"id": "sess_1"})

    def _command(self, text: str) -> None:
        command = json.loads(text)
        self.commands.append(command)
        if command["type"] == "response.create":
            self._answer("item_text")

    def _heard_from(self, track) -> None:
        self.listening = asyncio.get_running_loop().create_task(self._listen(track))

    async def _listen(self, track) -> None:
        turn = None
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                loud = np.abs(frame.to_ndarray().astype(int)).max() > 500
                now = time.monotonic()
                if loud and turn is None:
                    turn = f"item_{next(self._count)}"
                    self._tell("input_audio_buffer.speech_started", item_id=turn, audio_start_ms=0)
                    if self.tone.left:
                        self.tone.left = 0
                        self._tell("output_audio_buffer.cleared", response_id="resp")
                self._silent_since = None if loud else self._silent_since or now
                if turn is not None and self._silent_since and now - self._silent_since > PATIENCE_S:
                    self._tell("input_audio_buffer.speech_stopped", item_id=turn, audio_end_ms=0)
                    self._answer(turn)
                    turn = None

    def _answer(self, item: str) -> None:
        name = f"resp_{item}"
        said = "go forward ten meters"
        self._tell("conversation.item.input_audio_transcription.completed", item_id=item, transcript=said)
        self._tell("response.created", response={"id": name})
        self._tell("output_audio_buffer.started", response_id=name)
        self.tone.left = self._frames
        self._tell("response.output_audio_transcript.done", response_id=name, transcript="a tone")
        self._tell("response.done", response={"id": name, "status": "completed", "output": [{"type": "message"}]})
        length = self._frames / 50
        asyncio.get_running_loop().call_later(length, self._stopped, name)

    def _stopped(self, name: str) -> None:
        self._tell("output_audio_buffer.stopped", response_id=name)

    def _tell(self, kind: str, **fields) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps({"type": kind, "event_id": f"event_{next(self._count)}", **fields}))

    async def close(self) -> None:
        await self.peer.close()
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.wait([self.listening])


@contextlib.asynccontextmanager
async def stock_answerer(frames: int = 40) -> AsyncIterator[tuple[str, list[Answerer]]]:
    """Serve on a free port; yields the address and the calls so far. Answers last ``frames`` of 20 ms."""
    calls: list[Answerer] = []
    hung_up: list[str] = []

    async def offer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer sk-local":
            return web.json_response({"error": {"message": "we do not know this key"}}, status=401)
        answerer = Answerer(frames)
        calls.append(answerer)
        await answerer.peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        answerer.peer.addTrack(answerer.tone)
        await answerer.peer.setLocalDescription(await answerer.peer.createAnswer())
        headers = {"Location": f"/v1/realtime/calls/rtc_{len(calls)}"}
        body = answerer.peer.localDescription.sdp
        return web.Response(status=201, text=body, content_type="application/sdp", headers=headers)

    async def hang_up(request: web.Request) -> web.Response:
        hung_up.append(request.match_info["id"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/realtime/calls", offer)
    app.router.add_post("/v1/realtime/calls/{id}/hangup", hang_up)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}", calls
    finally:
        for answerer in calls:
            await answerer.close()
        await runner.cleanup()
    assert len(hung_up) == len(calls), "a client went without hanging up"
