"""The server calls itself: the whole path in one process, on free ports, with stock aiortc as the caller."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
from aiohttp import web

from mediaserver.config import Config, Development
from mediaserver.errors import MediaServerError
from signaling.app import build
from signaling.doctor.findings import Finding, note, ok, wrong
from signaling.headless.call import CallFailed, Target
from signaling.headless.conversation import Conversation
from signaling.headless.record import Record
from signaling.headless.script import Turn
from signaling.headless.sound import RATE, read_clip

TONE_HZ, TONE_LEVEL, TONE_S = 440, 8000, 0.6
LOUD_ENOUGH = 0.3
"""What comes back has at least this part of the level that was sent."""
SLOW_MS = 400
ASK = "repeat after me: count to three"


def on_free_ports(config: Config) -> Config:
    """Return the configuration for a second server beside a running one: free ports, own addresses, this machine only."""
    own = tuple(entry.rpartition("/")[2] for entry in config.media.addresses)
    media = msgspec.structs.replace(config.media, port=0, addresses=own)
    server = msgspec.structs.replace(config.server, host="127.0.0.1", port=0)
    return msgspec.structs.replace(config, media=media, server=server, development_key=Development(enabled=True))


@asynccontextmanager
async def in_process(config: Config) -> AsyncIterator[str]:
    """Run the application in this process and yield its address. Raises what building and opening it raise."""
    runner = web.AppRunner(build(on_free_ports(config)), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def call_itself(config: Config) -> AsyncIterator[Finding]:
    """Open the server and call it: once as an echo, once to speak with the default model."""
    try:
        async with in_process(config) as url:
            yield ok("server", f"opens, with {', '.join(config.models)}")
            with tempfile.TemporaryDirectory() as folder:
                if echo := next((name for name, model in config.models.items() if model.bridge == "echo"), None):
                    yield await _echo(Target(url, echo), Path(folder))
                if config.models[config.default_model].bridge != "echo":
                    yield await _speak(Target(url, config.default_model), Path(folder))
    except (MediaServerError, OSError, ImportError) as problem:
        yield wrong("server", f"does not open: {problem}", "see the message; extras: pip install 'mediaserver[local]'")


async def _echo(target: Target, folder: Path) -> Finding:
    """Send a tone, and measure when and how loud it comes back."""
    path = folder / "tone.wav"
    tone = TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * np.arange(round(RATE * TONE_S)) / RATE)
    _write(path, tone.astype(np.int16))
    held, problem = await _hold(target, [Turn("wav", str(path))])
    first = held.record.turns[0].answer.first_sound_ms if held.record.turns else None
    if problem or first is None:
        return wrong(
            "echo call", problem or "nothing came back", "if set-up failed, a firewall may stop UDP on this machine"
        )
    delay = first - held.record.turns[0].started_ms
    level = float(np.abs(held.ear.recording()).max()) / TONE_LEVEL
    connected = held.record.facts["connected_ms"]
    said = (
        f"connected in {connected} ms; a tone came back after {delay} ms, "
        f"about 100 of them in the caller's own buffer, at {level:.0%} of its level"
    )
    figures = {"connected_ms": connected, "round_trip_ms": delay, "level": round(level, 2)}
    if level < LOUD_ENOUGH:
        return wrong("echo call", said, "sound is damaged on its way: report this with the output of --json", **figures)
    if delay > SLOW_MS:
        return note("echo call", said, "this machine is busy or slow: conversations will feel slow too", **figures)
    return ok("echo call", said, **figures)


async def _speak(target: Target, folder: Path) -> Finding:
    """Let the model say a sentence, say the same back to it, and see that it is understood and answered.

    So a voice, an ear and an answer are tried without any recording at hand.
    """
    name = f"call to {target.model}"
    asked, problem = await _hold(target, [Turn("text", ASK)])
    if problem or not asked.record.ok or asked.ear.heard_s < 0.2:
        return wrong(name, problem or "it did not speak", _engines(asked.record))
    path = folder / "sentence.wav"
    asked.ear.write(path)
    if not read_clip(path).voiced_s:
        return wrong(name, "it spoke too quietly to hear", _engines(asked.record))
    answered, problem = await _hold(target, [Turn("wav", str(path))])
    if problem or not answered.record.ok:
        return wrong(name, problem or "it spoke, but did not answer speech", _engines(answered.record))
    turn, said = answered.record.turns[0], asked.record.turns[0].answer.text
    heard = f"understood that as “{turn.transcript or ''}”, and began to answer after {turn.latency_ms} ms"
    return ok(name, f"it said “{said}”, {heard}", latency_ms=turn.latency_ms)


def _engines(record: Record) -> str:
    said = "; ".join(record.problems)
    return f"the server said: {said}" if said else "look at the engines of this model in the configuration"


async def _hold(target: Target, turns: list[Turn]) -> tuple[Conversation, str]:
    held = Conversation(target, turns, Record(lambda line: None), answer_timeout_s=15)
    problem = ""
    try:
        await held.run()
    except* CallFailed as problems:
        problem = "; ".join(str(each) for each in problems.exceptions)
    return held, problem


def _write(path: Path, samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
