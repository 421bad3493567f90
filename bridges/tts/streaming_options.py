"""What voices behind a WebSocket or a streamed HTTP answer can be told; a sentence under each field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from bridges.options import Remote, Seconds, Seconds3600
from bridges.tts.rest_options import Rate


class StreamingVoice(Remote, frozen=True, kw_only=True):
    """What both can be told."""

    transport: Literal["websocket", "http"] = "websocket"
    """Warm sockets that all calls share, or a request for each text. What the one cannot do goes over the other."""
    voices: tuple[str, ...] = ()
    """The voices that callers may choose, the default first; empty: those of the vendor."""
    rate: Rate = 24000
    """Hz of the sound that the engine gives; ElevenLabs has 48000 over HTTP only, so it goes there by itself."""
    sockets: Annotated[int, Meta(ge=1, le=200)] = 20
    """Sockets at once; a text that finds none waits ``connect_s`` for one."""
    idle_s: Annotated[float, Meta(gt=0, le=150)] = 120.0
    """A socket on which nobody has spoken for so long is closed."""
    age_s: Seconds3600 = 1800.0
    """A socket that is older is used no more."""
    first_sound_s: Seconds = 10.0
    """Time to the first sound of a text over a socket."""


class ElevenLabsSpeech(StreamingVoice, frozen=True, kw_only=True):
    """ElevenLabs' text to speech."""

    model: str = "eleven_flash_v2_5"
    """``eleven_v3`` and what else has no multi-context socket goes over HTTP by itself."""
    words: bool = True
    """Ask for the times of words; over HTTP the sound then comes as base64 in JSON."""
    settings: dict[str, Any] = field(default_factory=dict)
    """``voice_settings`` that hold where a manner has no other: ``stability``, ``similarity_boost``, ``style``, …"""


class DeepgramSpeech(StreamingVoice, frozen=True, kw_only=True):
    """Deepgram's text to speech, where a voice is a model: Aura (``aura-2-thalia-en``) and Flux (``flux-alexis-en``)."""

    mip_opt_out: bool = False
    """Keep this account's texts out of Deepgram's model improvement program."""
