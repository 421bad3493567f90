"""What the engines that hear over a WebSocket can be told: Deepgram and ElevenLabs Scribe."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bridges.options import Remote, Seconds, Seconds3600


class Streaming(Remote, frozen=True, kw_only=True):
    """What both can be told besides; ``url`` is the base, e.g. ``https://api.eu.deepgram.com``."""

    answer_s: Seconds = 120.0
    """Files: time to the first byte of the answer, which comes when all of the file is written down."""
    language: str = ""
    """What is spoken where nobody says (BCP 47); empty: see the engine."""
    keyterms: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    """Names and words to listen for."""
    spare: Annotated[int, Meta(ge=0, le=8)] = 1
    """Sockets opened ahead of the next turn of speech."""
    idle: Annotated[int, Meta(ge=0, le=100)] = 8
    """Sockets kept open between turns, the spare ones among them."""
    idle_s: Seconds = 60.0
    """A socket that nobody used for so long is closed."""
    age_s: Seconds3600 = 600.0
    """A socket this old is not used for another turn."""
    final_s: Seconds = 5.0
    """Time to the text after the end of speech."""
    max_turn_s: Annotated[float, Meta(gt=0, le=600)] = 120.0
    """Speech taken per turn; what is beyond is not written down."""


class Deepgram(Streaming, frozen=True, kw_only=True):
    """Deepgram's speech recognition; ``model`` chooses the protocol: ``flux-…`` is Flux, any other ``/v1/listen``."""

    model: str = "nova-3"
    """For live speech."""
    file_model: str = ""
    """For files, which Flux does not take; empty: ``model``, or ``nova-3`` where that is Flux."""
    smart_format: bool = True
    """Punctuation, numbers and dates as they are written."""
    endpointing_ms: Annotated[int, Meta(ge=0, le=5000)] | None = None
    """Silence after which a piece of a turn is final, and a likely end reported; empty: 10 ms, and none is reported."""
    eager_eot_threshold: Annotated[float, Meta(ge=0.3, le=0.9)] | None = 0.5
    """Flux: how sure it must be to report a likely end of turn; empty: it does not."""
    eot_threshold: Annotated[float, Meta(ge=0.5, le=1.0)] | None = None
    """Flux: how sure it must be that a turn is over; empty: Deepgram's default (0.7)."""
    mip_opt_out: bool = False
    """Keep this account's sound out of Deepgram's model improvement program."""

    def __post_init__(self) -> None:
        if (self.eager_eot_threshold or 0.0) > (self.eot_threshold or 0.7):
            raise ValueError("eager_eot_threshold must not be above eot_threshold")


class Scribe(Streaming, frozen=True, kw_only=True):
    """ElevenLabs Scribe."""

    model: str = "scribe_v2_realtime"
    """For live speech."""
    file_model: str = "scribe_v2"
    """For files."""
    audio_events: bool = False
    """Files: write ``(laughter)`` and the like into the text."""
    no_verbatim: bool = False
    """Leave out filler words and false starts."""
    enable_logging: bool = True
    """``false``: zero retention, which ElevenLabs offers to some customers."""
