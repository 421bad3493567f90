"""What a client asks of a text: the body of ``/v1/audio/speech``, checked. Pure.

Source: ``openai/types/audio/speech_create_params.py``. ``language`` and ``settings`` are ours: BCP 47, and options of the
provider by its own names; so is ``stream_format: url``, an address of the file instead of its bytes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from mediaserver.audio.speechfile import FORMATS
from mediaserver.errors import BadRequest, RequestError
from mediaserver.speech import Manner
from signaling.realtime.parse import refusal

Short = Annotated[str, Meta(max_length=256)]


class VoiceId(Struct, frozen=True, forbid_unknown_fields=True):
    """A voice as an object."""

    id: Short


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    input: str
    model: Short = ""
    voice: Short | VoiceId = ""
    response_format: Short = "mp3"
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0
    instructions: Annotated[str, Meta(max_length=4096)] = ""
    stream_format: Literal["audio", "sse", "url"] = "audio"
    language: Short = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def voice_name(self) -> str:
        """The voice however it is written; empty: the default."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice

    def manner(self, before: str = "") -> Manner:
        """Return how it is spoken, after ``before``."""
        return Manner(self.instructions, self.language, before, self.settings)


def read_wish(body: bytes, longest: int) -> Wish:
    """Return what a body asks for. Raises BadRequest that names what is wrong."""
    try:
        wish = msgspec.json.decode(body, type=Wish)
    except msgspec.ValidationError as problem:
        raise refusal(str(problem)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the body is not valid JSON", code="invalid_json") from None
    return checked(wish, longest)


def checked(wish: Wish, longest: int) -> Wish:
    """Return it. Raises BadRequest for a text or a format that cannot be."""
    if not wish.input.strip():
        raise BadRequest("'input' is empty: send the text to speak", code="empty_string", param="input")
    if len(wish.input) > longest:
        raise BadRequest(
            f"'input' has {len(wish.input)} characters, and at most {longest} are spoken at once: send it in parts",
            code="string_too_long",
            param="input",
        )
    if wish.response_format not in FORMATS:
        raise BadRequest(
            f"'response_format' is one of: {', '.join(FORMATS)}", code="invalid_value", param="response_format"
        )
    return wish


def wish_of(body: object, longest: int, where: str) -> Wish:
    """Return what a part of a larger body asks for. Raises BadRequest below ``where``."""
    try:
        return checked(msgspec.convert(body, Wish), longest)
    except msgspec.ValidationError as problem:
        raise refusal(str(problem), where) from None
    except RequestError as problem:
        raise BadRequest(problem.message, code=problem.code, param=f"{where}.{problem.param}") from None
