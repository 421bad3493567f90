from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.audioconfig import Audio
from mediaserver.errors import ConfigError, NotFound
from signaling.audio.engines import Engines

CONFIG = Audio(
    transcription={"ears": {"engine": "a"}, "far": {"engine": "b"}},
    speech={"mouth": {"engine": "c", "voice": "ann"}},
    default_transcription="far",
    aliases={"whisper-1": "ears", "tts-1": "mouth"},
)


def engines(config: Audio = CONFIG, opened: list[Any] | None = None) -> Engines:
    """Return engines that are their own options; ``opened`` gathers what was really opened."""

    def opening(options: Any, path: str) -> Any:
        if options["engine"] == "none":
            raise ConfigError(path, "no such provider or engine")

        @asynccontextmanager
        async def engine() -> AsyncIterator[Any]:
            (opened if opened is not None else []).append(path)
            yield options

        return engine()

    return Engines(config, opening, opening)


def test_names_and_aliases() -> None:
    found = engines()
    assert [found.transcription(name) for name in ("", "ears", "whisper-1")] == ["far", "ears", "ears"]
    assert [found.speech(name) for name in ("", "tts-1")] == ["mouth", "mouth"]
    assert found.default_voice("mouth") == "ann"


@pytest.mark.parametrize("asked", ["gpt-transcribe", "mouth", "tts-1", "x" * 10_000])
def test_an_unknown_model_is_told_what_there_is_and_how_to_name_it(asked: str) -> None:
    with pytest.raises(NotFound, match="ears, far") as refused:
        engines().transcription(asked)
    assert refused.value.code == "model_not_found" and "aliases" in refused.value.message
    assert len(refused.value.message) < 600


def test_options_that_cannot_be_are_refused_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        engines(Audio(speech={"mouth": {"engine": "none"}}))
    assert refused.value.path == "audio.speech.mouth"


async def test_only_what_is_asked_for_is_opened_and_only_once() -> None:
    opened: list[str] = []
    async with engines(opened=opened).opened() as found:
        assert await found.files("ears") == {"engine": "a"}
        assert await found.voice("mouth") == {"engine": "c"}
        assert await found.files("ears") == {"engine": "a"}
    assert opened == ["audio.transcription.ears", "audio.speech.mouth"]
