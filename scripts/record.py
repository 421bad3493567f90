"""Records a real conversation with a provider: what went over its wire, without keys, sound or words.

usage: OPENAI_API_KEY=… python scripts/record.py openai spoken_turn --wav question.wav
       OPENAI_API_KEY=… python scripts/record.py openai text_turn --text "Say hello."

The file is tests/recordings/<provider>/<case>.jsonl, a message a line, ``{"from": "client" | "server", "text" | "binary"}``,
as ``tests/bridges/recorded.py`` reads it. Keys are taken out wherever they stand. Sound is silence of the same length; what
follows each other of the caller's sound is one line with ``times``. Of words the letters are gone, unless ``--keep-text``.
Ids, numbers, names of functions and everything else stay as they were: look at a recording before you share it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import json
import os
import re
import sys
import wave
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import soxr
import yaml

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bridges import PROVIDERS  # noqa: E402 - the script runs from anywhere
from bridges.codec import Codec, Message  # noqa: E402
from bridges.realtime import Dial, Patience, RealtimeBridge  # noqa: E402
from mediaserver.bridge import Opening  # noqa: E402
from mediaserver.commands import CreateItem, Respond  # noqa: E402
from mediaserver.errors import BridgeError  # noqa: E402
from mediaserver.events import Event, ResponseDone  # noqa: E402
from mediaserver.items import Item, Part  # noqa: E402
from mediaserver.settings import Settings  # noqa: E402

CODECS = {
    "openai": "OpenAICodec",
    "azure": "AzureCodec",
    "xai": "XaiCodec",
    "gemini": "GeminiCodec",
    "elevenlabs": "ElevenLabsCodec",
    "ultravox": "UltravoxCodec",
    "deepgram": "DeepgramCodec",
    "live": "LiveCodec",
}
"""The codec of each provider, in ``bridges/<provider>/codec.py``; how it is reached is ``dial`` in ``dial.py``."""

FROM_ENVIRONMENT: dict[str, dict[str, str]] = {
    "openai": {"key": "OPENAI_API_KEY"},
    "azure": {"key": "AZURE_OPENAI_API_KEY", "url": "AZURE_OPENAI_ENDPOINT", "model": "AZURE_OPENAI_DEPLOYMENT"},
    "xai": {"key": "XAI_API_KEY"},
    "gemini": {"key": "GEMINI_API_KEY"},
    "elevenlabs": {"key": "ELEVENLABS_API_KEY", "agent_id": "ELEVENLABS_AGENT_ID"},
    "ultravox": {"key": "ULTRAVOX_API_KEY"},
    "deepgram": {"key": "DEEPGRAM_API_KEY"},
    "live": {"key": "OPENAI_API_KEY"},
}
"""The options that a provider cannot do without, and where they come from."""

MESSAGES = 50_000
REMOVED = "removed"
SOUND = frozenset({"audio", "data", "audio_base_64", "user_audio_chunk"})
CREDENTIALS = frozenset(
    {"key", "token", "secret", "client_secret", "authorization", "api_key", "signed_url", "joinUrl"}
)
WORDS = frozenset(
    {
        *(
            "text",
            "transcript",
            "delta",
            "instructions",
            "content",
            "prompt",
            "arguments",
            "output",
            "title",
            "summary",
        ),
        *("chars", "user_transcript", "agent_response", "original_agent_response", "corrected_agent_response"),
        *("system_prompt", "systemPrompt", "first_message", "greeting", "user_message", "description", "result"),
    }
)
"""Where words stand; everywhere else what has a space in it is words too."""

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Takes out of one message what must not be kept; ``secrets`` are taken out wherever they stand."""

    secrets: tuple[str, ...] = ()
    keep_text: bool = False

    def row(self, message: Message, *, sent: bool) -> dict[str, Any]:
        """Return the line of a recording."""
        row: dict[str, Any] = {"from": "client" if sent else "server"}
        try:
            told = json.loads(message)  # also of bytes: Gemini writes JSON in binary messages
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):  # sound, or nobody knows what it holds
            silence = base64.b64encode(bytes(len(message))).decode()
            return row | ({"binary": silence} if isinstance(message, bytes) else {"text": ""})
        said = json.dumps(self._value(told, "", ""), ensure_ascii=False)
        for secret in self.secrets:
            said = said.replace(secret, REMOVED)
        return row | {"text": said}

    def _value(self, value: Any, name: str, kind: str) -> Any:
        if isinstance(value, dict):
            kind = value["type"] if isinstance(value.get("type"), str) else kind
            return {key: self._value(inner, key, kind) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, name, kind) for inner in value]
        return self._string(value, name, kind) if isinstance(value, str) else value

    def _string(self, value: str, name: str, kind: str) -> str:
        if name in CREDENTIALS:
            return REMOVED
        if name in SOUND or (name == "delta" and kind.endswith("audio.delta")):
            return _silent(value)
        if self.keep_text or not (name in WORDS or " " in value):
            return value
        return _wordless(value)


def _wordless(value: str) -> str:
    """Return a text of the same shape; what is JSON (arguments, outputs) stays JSON."""
    with suppress(ValueError):
        inner = json.loads(value)
        if isinstance(inner, dict | list):
            return json.dumps(_blank(inner))
    return _LETTER.sub("x", value)


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blank(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blank(inner) for inner in value]
    return _LETTER.sub("x", value) if isinstance(value, str) else value


def _silent(sound: str) -> str:
    try:
        return base64.b64encode(bytes(len(base64.b64decode(sound, validate=True)))).decode()
    except (binascii.Error, ValueError):
        return _LETTER.sub("x", sound)


@dataclass(slots=True)
class Tape:
    """What goes over the wire, from both sides; satisfies :class:`bridges.realtime.Watch`."""

    cleaner: Cleaner
    rows: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MESSAGES))

    def __call__(self, message: Message, *, sent: bool) -> None:
        """Keep a message, cleaned."""
        row = self.cleaner.row(message, sent=sent)
        last = self.rows[-1] if self.rows else {}
        if sent and {**last, "times": 0} == {**row, "times": 0}:
            last["times"] = last.get("times", 1) + 1
        else:
            self.rows.append(row)

    def write(self, path: Path) -> None:
        """Write the recording."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))


def options_of(provider: str, environ: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provider's options: from the environment, with those told over them. Raises SystemExit for one missing."""
    names = FROM_ENVIRONMENT[provider]
    found = {option: environ[name] for option, name in names.items() if environ.get(name)} | dict(told)
    missing = [name for option, name in names.items() if option not in found]
    if missing:
        raise SystemExit(f"set {', '.join(missing)} in the environment")
    return found


def made(provider: str, options: Mapping[str, Any]) -> tuple[Codec, Callable[[httpx.AsyncClient], Dial]]:
    """Return the codec of a provider with these options, and what makes its dial."""
    chosen = msgspec.convert(dict(options), PROVIDERS[provider].options)
    codec = getattr(import_module(f"bridges.{provider}.codec"), CODECS[provider])(chosen)
    dial = import_module(f"bridges.{provider}.dial").dial
    return codec, lambda http: dial(chosen, http)


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller does: says ``sound`` (PCM16 mono at ``rate`` Hz), or writes ``text``; then is silent.

    It hangs up ``after_s`` after the answer, or after ``most_s``. ``pace``: how much faster than real time it speaks.
    """

    sound: bytes = b""
    rate: int = 16000
    text: str = ""
    after_s: float = 1.0
    most_s: float = 60.0
    pace: float = 1.0


async def record(
    provider: str, options: Mapping[str, Any], caller: Caller, settings: Settings, tape: Tape
) -> list[Event]:
    """Hold the conversation; returns what the bridge told of it. Raises BridgeError when the provider fails."""
    codec, dial = made(provider, options)
    events: deque[Event] = deque(maxlen=MESSAGES)
    ready = asyncio.Event()
    failure: BridgeError | None = None
    try:
        async with httpx.AsyncClient() as http, asyncio.TaskGroup() as tasks:
            bridge = RealtimeBridge(codec, dial(http), patience=Patience(10, 10, 15), watch=tape)
            opening = Opening(settings)
            running = tasks.create_task(bridge.run(opening, events.append, ready.set))
            await ready.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(caller.most_s):
                    await _talk(bridge, caller, settings, events, running)
            running.cancel()
    except* BridgeError as failures:
        failure = _first(failures)
    if failure is not None:  # raised in the clause it would be wrapped before Python 3.11.4 (CPython gh-103590)
        raise failure
    return [*events]


async def _talk(
    bridge: RealtimeBridge, caller: Caller, settings: Settings, events: deque[Event], running: asyncio.Task[None]
) -> None:
    """Say or write what is to be said and be silent until the answer has come, as a microphone is."""
    rate = bridge.capabilities.input_rate
    if caller.text:
        item = Item("item_recorded", role="user", parts=(Part("input_text", caller.text),))
        bridge.send(CreateItem(item=item))
        bridge.send(Respond(response_id="resp_recorded", settings=settings, items=(item,)))
    sound, step, silence = _at(caller.sound, caller.rate, rate), rate // 50 * 2, 0.0
    while silence < caller.after_s and not running.done():
        frame, sound = sound[:step], sound[step:]
        bridge.hear(frame.ljust(step, b"\0"))
        answered = not sound and any(isinstance(event, ResponseDone) for event in events)
        silence = silence + 0.02 if answered else 0.0
        await asyncio.sleep(0.02 / caller.pace)


def _at(sound: bytes, rate: int, wanted: int) -> bytes:
    samples = np.frombuffer(sound, np.int16)
    return sound if rate == wanted else soxr.resample(samples, rate, wanted).astype(np.int16).tobytes()


def _first(failures: BaseExceptionGroup[BridgeError]) -> BridgeError:
    found: BaseException = failures
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BridgeError) else BridgeError("the provider failed", code="provider_error")


def _wav(path: str) -> tuple[bytes, int]:
    with wave.open(path) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise SystemExit("the WAV file must be mono with 16 bits")
        return file.readframes(file.getnframes()), file.getframerate()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("provider", choices=CODECS)
    parser.add_argument("case", help="the recording's name, e.g. spoken_turn")
    parser.add_argument("--wav", help="what the caller says; without it the caller is silent")
    parser.add_argument("--text", default="", help="what the caller writes")
    parser.add_argument("--instructions", default="Be brief.")
    parser.add_argument("--voice", default="")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the provider")
    parser.add_argument("--seconds", type=float, default=60.0, help="the longest the conversation may last")
    parser.add_argument("--pace", type=float, default=1.0, help="how much faster than real time the caller speaks")
    parser.add_argument("--keep-text", action="store_true", help="keep the words")
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "recordings")
    return parser


def _told(pairs: Iterable[str]) -> dict[str, Any]:
    return {name: yaml.safe_load(value) for name, _, value in (pair.partition("=") for pair in pairs)}


def main(arguments: list[str] | None = None) -> int:
    """Record what the command line asks for; returns the exit code. What came before a failure is written too."""
    asked = _parser().parse_args(arguments)
    options = options_of(asked.provider, os.environ, _told(asked.option))
    sound, rate = _wav(asked.wav) if asked.wav else (b"", 16000)
    caller = Caller(sound, rate, asked.text, most_s=asked.seconds, pace=asked.pace)
    secrets = tuple(str(options[name]) for name in ("key", "agent_id") if options.get(name))
    tape = Tape(Cleaner(secrets, asked.keep_text))
    settings = Settings(asked.provider, instructions=asked.instructions, voice=asked.voice)
    path = asked.out / asked.provider / f"{asked.case}.jsonl"
    failure = None
    try:
        asyncio.run(record(asked.provider, options, caller, settings, tape))
    except BridgeError as problem:
        failure = problem
    tape.write(path)
    sys.stdout.write(f"{len(tape.rows)} lines in {path.name}\n")
    if failure is not None:
        sys.stderr.write(f"{failure.code}: {failure.message}\n")
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
