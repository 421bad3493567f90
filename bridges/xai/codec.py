"""xAI's dialect: OpenAI's machine, with what xAI says otherwise, and a meter, for its token counts are not to be trusted.

Source: xAI voice agent documentation and its clients (see the shape). Sessions with turn detection are billed by connected
time, push-to-talk sessions by the sound sent and received, and each written item by itself (xAI pricing page).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from bridges import options
from bridges.codec import Message
from bridges.openai import wire
from bridges.openai.codec import OpenAICodec, Rows, capabilities, rows
from bridges.xai.shape import XaiShape
from mediaserver import commands, events
from mediaserver.bridge import Feature, Opening
from mediaserver.events import Event
from mediaserver.items import Usage

VOICES = (
    *("eve", "ara", "leo", "rex", "sal", "carina", "zagan", "helix", "orion", "luna", "iris", "altair", "zenith"),
    *("perseus", "helios", "lux", "kepler", "rigel", "cosmo", "celeste", "ursa", "sirius", "lumen", "castor", "naksh"),
    "atlas",
)
MAX_SESSION_S = 1800.0
"""Documentation of April 2026; later notes say two hours. The shorter one costs a turn boundary, the longer one a call."""
REPORT_MS = 1000
CAN: frozenset[Feature] = frozenset(
    {
        *(
            "manual_turns",
            "turn_tuning",
            "clear_input",
            "cancel",
            "text_turns",
            "context_items",
            "delete_items",
            "respond",
        ),
        *("response_settings", "tools", "tool_declarations", "transcripts", "partial_transcripts", "resume", "speed"),
    }
)
CHANGES = frozenset({"instructions", "voice", "speed", "tools", "transcription", "turn_detection", "reasoning_effort"})


class XaiCodec(OpenAICodec):
    """Satisfies :class:`bridges.codec.Codec`. Metered time is reported with what is received, or in a quiet second."""

    quiet_s: float | None = 1.0

    def __init__(self, told: options.Xai) -> None:
        offered = capabilities(told, max_session_s=MAX_SESSION_S)
        can = CAN if told.resume else CAN - {"resume"}
        offered = replace(offered, voices=told.voices or VOICES, can=can, changes=CHANGES, text_output=False)
        self._begin(offered, XaiShape(told.audio_format, told.transcription_model, offered.voices, told.resume))
        self._resumable = told.resume
        self._opening: Opening | None = None
        self._by_sound = False
        self._spoken_bytes = 0
        self._reported_ms = 0
        self._owed: list[Event] = []

    # --- to the provider ----------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Return nothing: xAI speaks first, the configuration answers to that, the history follows when it is taken."""
        self._settings, self._opening = opening.settings, opening
        self._by_sound = opening.settings.turn_detection is None
        return ()

    def _create_item(self, command: commands.CreateItem) -> list[Message]:
        told = super()._create_item(command)
        if told and command.item.kind == "message":
            used = Usage(characters=len(command.item.text))
            self._owed.append(events.UsageReported(used, "text_item", command.item.id))
        return told

    # --- from the provider --------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells, and what was used meanwhile."""
        return [*super().receive(message), *self._due()]

    def quiet(self) -> Sequence[Event]:
        """Return what was used in a quiet second."""
        return self._due()

    def settle(self) -> Sequence[Event]:
        """Return what was used and not reported yet."""
        return self._due(1)

    def _due(self, least_ms: int = REPORT_MS) -> list[Event]:
        owed, self._owed = self._owed, []
        spoken = self._spoken_bytes if self._by_sound else 0
        used_ms = (self._heard_bytes + spoken) * 1000 // (2 * self.capabilities.input_rate)
        if used_ms - self._reported_ms >= least_ms:
            seconds = (used_ms - self._reported_ms) / 1000
            owed.append(events.UsageReported(Usage(seconds=seconds), "session", f"until-{used_ms}ms"))
            self._reported_ms = used_ms
        return owed

    def _conversation(self, message: wire.ConversationCreated) -> Sequence[Event]:
        self._configure()
        name = message.conversation.id
        return [events.Resumable(name, live=True)] if name and self._resumable else ()

    def _begun(self, message: object) -> Sequence[Event]:
        self._configure()
        return ()

    def _configure(self) -> None:
        """Answer the provider's first word, whichever of the two it is."""
        if self._opening is not None:
            session = self._shape.session(self._opening.settings)
            self._replies.append(self._say("session.update", session=session))
            if self._opening.resume is None:
                self._replies += self._history(self._opening)
            self._opening = None

    def _cumulative(self, message: wire.Transcribed) -> Sequence[Event]:
        return self._words_are(message.item_id, message.transcript)

    def _words_done(self, message: wire.Transcribed) -> Sequence[Event]:
        """Take a transcript for final only where xAI does not say that it is still in progress."""
        if message.status == "in_progress":
            return self._cumulative(message)
        return super()._words_done(message)

    def _done(self, message: wire.ResponseMessage) -> Sequence[Event]:
        told = self.reader.done(message)
        return [replace(event, usage=None) if isinstance(event, events.ResponseDone) else event for event in told]

    def _sound(self, message: wire.ResponsePart) -> Sequence[Event]:
        told = self.reader.audio_delta(message)
        self._spoken_bytes += sum(len(event.pcm) for event in told if isinstance(event, events.AudioDelta))
        return told

    COMMANDS = {kind: row for kind, row in OpenAICodec.COMMANDS.items() if kind is not commands.TruncateItem} | {
        commands.CreateItem: _create_item
    }
    MESSAGES: ClassVar[Rows] = {
        **OpenAICodec.MESSAGES,
        **rows(wire.ConversationCreated, conversation__created=_conversation),
        **rows(wire.Head, session__created=_begun, ping=OpenAICodec._nothing),
        **rows(
            wire.Transcribed,
            conversation__item__input_audio_transcription__updated=_cumulative,
            conversation__item__input_audio_transcription__completed=_words_done,
        ),
        **rows(wire.ResponseMessage, response__done=_done),
        **rows(wire.ResponsePart, response__output_audio__delta=_sound),
    }
