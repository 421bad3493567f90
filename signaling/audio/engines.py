"""The engines of the audio API by the names of their models. Nothing else in ``signaling.audio`` opens or finds an engine.

What opens an engine may wrap it (a cache does): whoever asks here sees the Protocols of :mod:`mediaserver.speech` only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from mediaserver.audioconfig import Audio
from mediaserver.errors import NotFound
from mediaserver.speech import FileToText, TextToSpeech
from signaling.audio.kept import Kept

Options = Mapping[str, Any]
OpenFiles = Callable[[Options, str], AbstractAsyncContextManager[FileToText]]
"""Opens an engine for files: its options, and the key's path for errors. Raises ConfigError at once."""
OpenVoice = Callable[[Options, str], AbstractAsyncContextManager[TextToSpeech]]
"""Opens an engine that speaks, in the same way."""


class Engines:
    """All of them, each opened when it is first asked for. Raises ConfigError at once for one that cannot be."""

    def __init__(self, config: Audio, open_files: OpenFiles, open_voice: OpenVoice) -> None:
        self._config = config
        self._files: dict[str, Kept[FileToText]] = {
            name: _kept(open_files, options, f"audio.transcription.{name}")
            for name, options in config.transcription.items()
        }
        self._voices: dict[str, Kept[TextToSpeech]] = {
            name: _kept(open_voice, _without_voice(options), f"audio.speech.{name}")
            for name, options in config.speech.items()
        }

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Engines]:
        """Open engines as they are asked for, until the block is left; then close those that are open."""
        every: list[Kept[Any]] = [*self._files.values(), *self._voices.values()]
        tasks = asyncio.TaskGroup()
        await tasks.__aenter__()
        for one in every:
            tasks.create_task(one.keep(), name="audio engine")
        try:
            yield self
        finally:
            for one in every:
                one.end()
            await tasks.__aexit__(
                None, None, None
            )  # what went wrong elsewhere goes on as it is, not wrapped by the group

    def transcription(self, asked: str) -> str:
        """Return the model that a client means. Raises NotFound, which says what there is."""
        config = self._config
        return self._find(asked or config.default_transcription, config.transcription, "writes down files")

    def speech(self, asked: str) -> str:
        """Return the model that a client means. Raises NotFound, which says what there is."""
        config = self._config
        return self._find(asked or config.default_speech, config.speech, "speaks")

    def _find(self, asked: str, there: Mapping[str, Options], does: str) -> str:
        if not asked:
            return next(iter(there))
        for name in (asked, self._config.aliases.get(asked, "")):
            if name in there:
                return name
        raise no_model(asked, there, does)

    async def files(self, model: str) -> FileToText:
        """Return the engine of this model. Raises BridgeError."""
        return await self._files[model].get()

    async def voice(self, model: str) -> TextToSpeech:
        """Return the engine of this model. Raises BridgeError."""
        return await self._voices[model].get()

    def speech_options(self, model: str) -> Options:
        """Return what the engine of this model is told."""
        return _without_voice(self._config.speech[model])

    def default_voice(self, model: str) -> str:
        """Return the voice of who names none; empty: the engine's first."""
        voice: str = self._config.speech[model].get("voice", "")
        return voice


def no_model(asked: str, there: Iterable[str], does: str) -> NotFound:
    """Return the refusal of a name that leads nowhere."""
    said = asked[:100]
    return NotFound(
        f"there is no model '{said}' that {does}; there are: {', '.join(there)}. Ask for one of these, or let the server's"
        f" configuration give one the name as well: audio: {{aliases: {{{said}: {next(iter(there))}}}}}",
        code="model_not_found",
        param="model",
    )


def _kept(opening: Callable[[Options, str], Any], options: Options, path: str) -> Kept[Any]:
    opening(options, path)  # says at once what is wrong with the options; opens nothing yet
    return Kept(partial(opening, options, path))


def _without_voice(options: Options) -> Options:
    return {name: value for name, value in options.items() if name != "voice"}
