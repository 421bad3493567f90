"""A session's settings and history as Deepgram's ``Settings`` message and as the blocks of its updates. Pure.

Source: Deepgram docs, "Configure the Voice Agent".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridges.deepgram import wire
from bridges.options import DeepgramAgent
from mediaserver.bridge import SoundCodec
from mediaserver.errors import Unsupported
from mediaserver.items import Item
from mediaserver.settings import Settings, Tool

RATE = 24000
OPUS_RATE = 48000
"""The clock of Opus, whatever is in it (RFC 7587 §4.1)."""
MAX_PROMPT = 25_000
"""Characters, for the language models that Deepgram runs (docs, "Errors & Warnings": PROMPT_TOO_LONG)."""
ENGLISH_EAR, OTHER_EAR = "flux-general-en", "nova-3"
THINKS = "gpt-4o-mini"
SPEEDS = (0.7, 1.5)
"""What Aura voices take (docs, "Configure the Voice Agent", agent.speak.provider.speed)."""
_NAMES = """
thalia andromeda helena apollo arcas aries amalthea asteria athena atlas aurora callista cora cordelia delia draco electra
harmonia hera hermes hyperion iris janus juno jupiter luna mars minerva neptune odysseus ophelia orion orpheus pandora phoebe
pluto saturn selene theia vesta zeus
"""
VOICES = tuple(f"aura-2-{name}-en" for name in _NAMES.split())
"""The English voices of Aura-2 (docs, "Voices and Languages"); the first is the default."""


class Setup:
    """What is configured, and what is made of it for a session."""

    def __init__(self, chosen: DeepgramAgent) -> None:
        self._chosen = chosen
        self.own_voice = _provider(chosen.speak).get("type", "deepgram") == "deepgram"
        self.voices = (chosen.voices or VOICES) if self.own_voice else ()

    @property
    def weighs_words(self) -> bool:
        """Whether the end of a turn is judged by what was said: the Flux models do that, and English has one."""
        return self._ear(None).startswith("flux-")

    def configure(self, settings: Settings, notes: Sequence[str], history: Sequence[Item]) -> wire.Configure:
        """Return the first message. Raises Unsupported."""
        before = list(_before(history))
        return wire.Configure(
            self._audio(),
            wire.Agent(
                self._listen(settings),
                self.think(settings, notes),
                self.speak(settings),
                greeting="" if history else self._chosen.greeting,
                context=wire.Context(before) if before else None,
            ),
            mip_opt_out=self._chosen.mip_opt_out,
        )

    @property
    def codec(self) -> SoundCodec:
        """How sound goes over the wire, both ways."""
        return "opus" if self._chosen.audio == "opus" else "pcm"

    def _audio(self) -> wire.Audio:
        encoding = self._chosen.audio
        rate = OPUS_RATE if encoding == "opus" else RATE
        return wire.Audio(wire.InputFormat(encoding, rate), wire.OutputFormat(encoding, rate, "none"))

    def think(self, settings: Settings, notes: Sequence[str]) -> dict[str, Any]:
        """Return the model, its prompt and its functions; one without an endpoint is run by the client, which is us."""
        model: dict[str, Any] = {"type": self._chosen.think_provider, "model": self._chosen.model or THINKS}
        if settings.temperature is not None:
            model["temperature"] = settings.temperature
        prompt = "\n\n".join(part for part in (settings.instructions, *notes) if part)
        ours: dict[str, Any] = {
            **({"prompt": prompt} if prompt else {}),
            **({"functions": [_function(tool) for tool in settings.tools]} if settings.tools else {}),
        }
        return {**ours, **_block(self._chosen.think, model)}

    def speak(self, settings: Settings) -> dict[str, Any]:
        """Return the voice. Raises Unsupported for one that this provider does not have, or a speed."""
        if not self.own_voice:
            return dict(self._chosen.speak)
        model = settings.voice or self.voices[0]
        voice: dict[str, Any] = {"type": "deepgram", "model": model}
        if model.startswith("flux-"):
            voice["version"] = "v2"
        if settings.speed != 1.0:
            if not SPEEDS[0] <= settings.speed <= SPEEDS[1]:
                raise Unsupported(f"the voice of this call speaks at {SPEEDS[0]} to {SPEEDS[1]} times its speed")
            voice["speed"] = settings.speed
        return _block(self._chosen.speak, voice)

    def room(self, settings: Settings, notes: Sequence[str]) -> bool:
        """Say whether the prompt can hold this; a model of one's own has no limit."""
        said = len(settings.instructions) + sum(len(note) + 2 for note in notes)
        return "endpoint" in self._chosen.think or said <= MAX_PROMPT

    def _ear(self, language: str | None) -> str:
        english = not language or language.lower().split("-")[0] == "en"
        return self._chosen.listen_model or (ENGLISH_EAR if english else OTHER_EAR)

    def _listen(self, settings: Settings) -> dict[str, Any]:
        wanted = settings.transcription
        language = (wanted.language if wanted else None) or self._chosen.language or None
        model = self._ear(language)
        ear: dict[str, Any] = {
            "type": "deepgram",
            "version": "v2" if model.startswith("flux-") else "v1",
            "model": model,
        }
        if language:
            ear.update(_language(model, language))
        if wanted is not None and wanted.keywords:
            ear["keyterms"] = list(wanted.keywords)
        return _block(self._chosen.listen, ear)


def _language(model: str, language: str) -> dict[str, Any]:
    """The multilingual Flux takes hints, the English one nothing, all others a language."""
    if not model.startswith("flux-"):
        return {"language": language}
    return {"language_hints": [language]} if "multi" in model else {}


def note(item: Item) -> str:
    """Return an item that asks for no answer as a line for the prompt: the agent has no other place for it."""
    if item.kind == "function_call":
        return f"You called the function {item.name} with {item.arguments}."
    if item.kind == "function_call_output":
        return f"The function {item.name or 'you called'} returned: {item.output}"
    return f"You said: {item.text}" if item.role == "assistant" else item.text


def _provider(block: Mapping[str, Any]) -> Mapping[str, Any]:
    provider = block.get("provider", {})
    return provider if isinstance(provider, Mapping) else {}


def _block(told: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, Any]:
    """Put what the configuration says over what we would."""
    return {**told, "provider": {**provider, **_provider(told)}}


def _function(tool: Tool) -> dict[str, Any]:
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _before(history: Sequence[Item]) -> Iterator[wire.SaidBefore | wire.CallsBefore]:
    """Yield what was said and the functions that were answered; system messages are in the prompt."""
    outputs = {item.call_id: item.output for item in history if item.kind == "function_call_output"}
    for item in history:
        if item.kind == "message" and item.role in ("user", "assistant") and item.text:
            yield wire.SaidBefore(item.role, item.text)
        elif item.kind == "function_call" and item.call_id in outputs:
            called = wire.CalledBefore(item.call_id or "", item.name or "", True, item.arguments, outputs[item.call_id])
            yield wire.CallsBefore([called])
