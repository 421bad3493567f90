"""What the provider's ``response.*`` messages tell: the replies, read piece by piece."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Literal, cast

import msgspec

from bridges.codec import Garbled
from bridges.openai import wire
from bridges.openai.items import usage
from bridges.openai.responses import MARK, Made, Responses
from bridges.openai.shape import AudioFormat
from mediaserver import events
from mediaserver.audio import g711
from mediaserver.events import Event, ResponseStatus
from mediaserver.settings import Settings

Modalities = tuple[Literal["audio", "text"], ...]
ENDS: dict[str | None, ResponseStatus] = {
    "cancelled": "cancelled",
    "failed": "failed",
    "incomplete": "incomplete",
}
"""How a response can end; what is none of these is complete."""
TEXT = 200_000
"""Characters of one item kept, for speakers whose end of it does not repeat it."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ReplyReader:
    """Turns ``response.*`` into events under our names; ``audio_format`` is what the provider speaks."""

    def __init__(self, responses: Responses, audio_format: AudioFormat) -> None:
        self._responses = responses
        self._format = audio_format

    def created(self, message: wire.ResponseMessage, session: Settings) -> tuple[Sequence[Event], str | None]:
        """Return the beginning, and the provider's name of the response if nobody wants it any more."""
        body = message.response
        if body.id and self._responses.at(body.id) is not None:  # it has begun already
            return [], None
        made, asked = self._responses.begin(body)
        settings = asked.settings if asked else session
        told_modalities = body.output_modalities or settings.output_modalities
        modalities = tuple(each for each in told_modalities if each in ("audio", "text"))
        kept = {name: str(value) for name, value in (body.metadata or {}).items() if name != MARK}
        told = events.ResponseCreated(
            made.id,
            cast(Modalities, modalities or ("audio",)),
            settings.voice,
            asked.metadata if asked else tuple(kept.items()),
            asked.out_of_band if asked else False,
        )
        return [told], made.provider_id if made.muted else None

    def item_added(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Remember the name of a function whose arguments follow."""
        made, item = self._responses.at(message.response_id), message.item
        if made is not None and item is not None and item.type == "function_call":
            made.calls[item.id] = (item.call_id or "", item.name or "")
        return []

    def item_done(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell of a function call that is complete, however its arguments look."""
        made, item = self._wanted(message), message.item
        if made is None or item is None or item.type != "function_call" or item.status == "incomplete":
            return []
        return self._call(made, item.id, item.call_id or "", item.name or "", item.arguments or "{}")

    def arguments_done(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell of a function call; arguments that a cancelled response left unfinished are no object and wait for more."""
        made = self._wanted(message)
        if made is None or not _is_object(message.arguments or "{}"):
            return []
        call_id, name = made.calls.get(message.item_id, ("", ""))
        return self._call(
            made, message.item_id, message.call_id or call_id, message.name or name, message.arguments or "{}"
        )

    def text_delta(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell of more text."""
        made = self._wanted(message)
        if made is None or not message.delta:
            return []
        before = made.texts.get(message.item_id, "")
        made.texts[message.item_id] = (before + message.delta)[:TEXT]
        return [events.TextDelta(made.id, message.item_id, message.delta)]

    def text_done(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell the whole text, from its pieces where it is not repeated."""
        made = self._wanted(message)
        if made is None:
            return []
        joined = made.texts.pop(message.item_id, "")
        return [events.TextDone(made.id, message.item_id, message.text or message.transcript or joined)]

    def audio_delta(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell of more sound. Raises Garbled for what is none."""
        pcm = self._pcm(message.delta)
        made = self._wanted(message)
        if made is None or not pcm:
            return []
        made.sounding.add(message.item_id)
        return [events.AudioDelta(made.id, message.item_id, pcm)]

    def audio_done(self, message: wire.ResponsePart) -> Sequence[Event]:
        """Tell that the sound is complete."""
        made = self._wanted(message)
        if made is None or message.item_id not in made.sounding:
            return []
        made.sounding.discard(message.item_id)
        return [events.AudioDone(made.id, message.item_id)]

    def done(self, message: wire.ResponseMessage) -> Sequence[Event]:
        """Tell the end, and before it what its speaker left out; a second end of the same response is nothing."""
        body = message.response
        made = self._responses.end(body.id)
        if made is None:
            return []
        status = ENDS.get(body.status, "completed")
        details = body.status_details or wire.StatusDetails()
        reason = details.reason if status != "completed" else None
        error = details.error or wire.ErrorBody()
        counted = usage(body.usage) or usage(message.usage)
        code = str(error.code or error.type or "") or None
        end = events.ResponseDone(made.id, status, reason, counted, code, error.message or None)
        return [*self._loose_ends(made, body, status, reason), end]

    def _loose_ends(self, made: Made, body: wire.ResponseBody, status: str, reason: str | None) -> list[Event]:
        if made.muted:
            return []
        if status == "cancelled":
            return [events.ReplyCut(made.id)] if reason == "turn_detected" else []
        ends: list[Event] = []
        for item in body.output if status == "completed" else ():
            if item.type == "function_call":
                ends += self._call(made, item.id, item.call_id or "", item.name or "", item.arguments or "{}")
        ends += [events.AudioDone(made.id, item_id) for item_id in sorted(made.sounding)]
        ends += [events.TextDone(made.id, item_id, text) for item_id, text in made.texts.items()]
        return ends

    def _call(self, made: Made, item_id: str, call_id: str, name: str, arguments: str) -> list[Event]:
        if not call_id or not name or call_id in made.called:
            return []
        made.called.add(call_id)
        return [events.ToolCalled(made.id, item_id, call_id, name, arguments)]

    def _wanted(self, message: wire.ResponsePart) -> Made | None:
        made = self._responses.at(message.response_id)
        return None if made is None or made.muted else made

    def _pcm(self, delta: str) -> bytes:
        try:
            sound = a2b_base64(delta, strict_mode=True)
        except ValueError:
            raise Garbled("sound that is no base64") from None
        if self._format != "pcm":
            return (g711.decode_ulaw if self._format == "pcmu" else g711.decode_alaw)(sound)
        if len(sound) % 2:
            raise Garbled("half a sample of sound")
        return sound


def _is_object(arguments: str) -> bool:
    try:
        _OBJECT.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
