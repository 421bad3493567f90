"""The OpenAI Realtime protocol from the client's side: our commands to its messages, its messages to our events.

Source: OpenAI Realtime API reference (GA). The provider takes turns by itself and remembers the conversation; responses
carry our name in their metadata. Azure and xAI are this machine with another :class:`bridges.openai.shape.GaShape` and a
few rows.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bridges import options
from bridges.codec import Message
from bridges.openai import failures, wire
from bridges.openai.items import usage, wire_item
from bridges.openai.replies import ReplyReader
from bridges.openai.responses import MARK, Responses, marked
from bridges.openai.shape import CHANGES, AudioFormat, GaShape
from mediaserver import commands, events
from mediaserver.audio import g711
from mediaserver.bridge import Capabilities, Feature, Opening
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import Event
from mediaserver.remember import remember
from mediaserver.settings import Settings

VOICES = ("marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
CAN: frozenset[Feature] = frozenset(
    {
        *(
            "manual_turns",
            "semantic_vad",
            "turn_tuning",
            "no_interruption",
            "no_auto_response",
            "clear_input",
            "cancel",
        ),
        *("truncate", "text_turns", "context_items", "delete_items", "respond", "response_settings", "out_of_band"),
        *(
            "text_output",
            "tools",
            "tool_declarations",
            "tool_choice",
            "transcripts",
            "partial_transcripts",
            "token_usage",
            "rate_limits",
        ),
        *("speed", "max_output_tokens", "noise_reduction"),
    }
)
MAX_SESSION_S = 3600.0
UNKNOWN_TYPES = 64
REMEMBERED = 32
TRANSCRIPT = 100_000
"""Characters of one turn's words kept."""

Handler = Callable[[Any, Any], Sequence[Event]]
Rows = dict[str, tuple[msgspec.json.Decoder[Any], Handler]]
_ENCODE: dict[AudioFormat, Callable[[bytes], bytes]] = {
    "pcm": bytes,
    "pcmu": g711.encode_ulaw,
    "pcma": g711.encode_alaw,
}


def capabilities(told: Any, *, max_session_s: float = MAX_SESSION_S) -> Capabilities:
    """Return what OpenAI can do, with the options' sound, voices and cap."""
    rate = 24000 if told.audio_format == "pcm" else 8000
    return Capabilities(
        input_rate=rate,
        output_rate=rate,
        hears="always",
        turns="provider",
        voices=told.voices or VOICES,
        remembers=True,
        can=CAN,
        changes=CHANGES,
        max_session_s=told.max_session_s or max_session_s,
    )


def rows(struct: type[Any], **handlers: Handler) -> Rows:
    """Return rows of the table of messages: their types with ``__`` for a dot, and what is done with each."""
    decoder = msgspec.json.Decoder(struct)
    return {kind.replace("__", "."): (decoder, handle) for kind, handle in handlers.items()}


def reply(read: Callable[[ReplyReader, Any], Sequence[Event]]) -> Handler:
    """Return the handler that leaves a message to the reader of replies."""
    return lambda codec, message: read(codec.reader, message)


class OpenAICodec:
    """Satisfies :class:`bridges.codec.Codec`. ``unknown`` counts message types that are in no table."""

    quiet_s: float | None = None
    idle_s: float | None = None

    def __init__(self, told: options.OpenAI) -> None:
        offered = capabilities(told)
        self._begin(offered, GaShape(told.audio_format, told.transcription_model, offered.voices))

    def _begin(self, offered: Capabilities, shape: GaShape) -> None:
        self.capabilities = offered
        self.ready = False
        self.unknown: Counter[str] = Counter()
        self._shape = shape
        self._coded = _ENCODE[shape.audio_format]
        self._settings = Settings("")
        self._responses = Responses(marking=shape.marks)
        self.reader = ReplyReader(self._responses, shape.audio_format)
        self._sent: dict[str, commands.Command] = {}
        self._count = 0
        self._heard_bytes = 0
        self._speaking = False
        self._words: dict[str, str] = {}
        self._written: dict[str, None] = {}
        self._replies: list[Message] = []

    # --- to the provider ----------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> Sequence[Message]:
        """Return the configuration and what was said before; the provider takes both as soon as it is connected."""
        self._settings = opening.settings
        return [self._say("session.update", session=self._shape.session(opening.settings)), *self._history(opening)]

    def _history(self, opening: Opening) -> list[Message]:
        known = (wire_item(item, self._shape.assistant_text) for item in opening.history)
        return [self._say("conversation.item.create", item=item) for item in known if item is not None]

    def hear(self, pcm: bytes) -> Sequence[Message]:
        """Return one frame as ``input_audio_buffer.append``."""
        self._heard_bytes += len(pcm)
        sound = b64encode(self._coded(pcm)).decode()
        return ['{"type":"input_audio_buffer.append","audio":"' + sound + '"}']

    def encode(self, command: commands.Command) -> Sequence[Message]:
        """Return what asks for a command. Raises Unsupported."""
        row = self.COMMANDS.get(type(command))
        if row is None:
            raise Unsupported(f"the provider has no word for {type(command).__name__}")
        return row(self, command)

    def replies(self) -> Sequence[Message]:
        """Return what became due while receiving: stopping a response that nobody wants any more."""
        replies, self._replies = self._replies, []
        return replies

    def quiet(self) -> Sequence[Event]:
        """Return nothing: this protocol marks every end."""
        return ()

    def idle(self) -> Sequence[Message]:
        """Return nothing: sound flows always."""
        return ()

    def settle(self) -> Sequence[Event]:
        """Return nothing: every response has told what it used."""
        return ()

    def goodbye(self) -> Sequence[Message]:
        """Return nothing: the close says it."""
        return ()

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Return what a close means."""
        return failures.closed(code, self.ready)

    def _say(self, kind: str, command: commands.Command | None = None, **fields: Any) -> str:
        """Write one message under a name of our own, by which an error finds its command again."""
        self._count += 1
        name = f"msg_{self._count}"
        if command is not None:
            remember(self._sent, name, command, REMEMBERED)
        return msgspec.json.encode({"type": kind, "event_id": name, **fields}).decode()

    def _update(self, command: commands.UpdateSession) -> list[Message]:
        changed = self._shape.changed(self._settings, command.settings)
        self._settings = command.settings
        return [self._say("session.update", command, session=changed)]

    def _create_item(self, command: commands.CreateItem) -> list[Message]:
        item = wire_item(command.item, self._shape.assistant_text)
        if item is None:
            return []
        after = {"previous_item_id": command.previous_item_id} if command.previous_item_id else {}
        return [self._say("conversation.item.create", command, item=item, **after)]

    def _delete_item(self, command: commands.DeleteItem) -> list[Message]:
        return [self._say("conversation.item.delete", command, item_id=command.item_id)]

    def _truncate(self, command: commands.TruncateItem) -> list[Message]:
        where = {"content_index": command.content_index, "audio_end_ms": command.audio_end_ms}
        return [self._say("conversation.item.truncate", command, item_id=command.item_id, **where)]

    def _commit(self, command: commands.CommitInput) -> list[Message]:
        return [self._say("input_audio_buffer.commit", command)]

    def _clear(self, command: commands.ClearInput) -> list[Message]:
        return [self._say("input_audio_buffer.clear", command)]

    def _respond(self, command: commands.Respond) -> list[Message]:
        response = self._shape.response(self._settings, command.settings)
        if self._shape.marks:
            response["metadata"] = dict(command.metadata) | ({MARK: command.response_id} if marked(command) else {})
        if command.out_of_band:
            response |= self._shape.out_of_band()
        if command.own_input:
            items = (wire_item(item, self._shape.assistant_text, named=False) for item in command.items)
            response["input"] = [item for item in items if item is not None]
        self._responses.ask(command)
        return [self._say("response.create", command, response=response)]

    def _interrupt(self, command: commands.Interrupt) -> list[Message]:
        """Stop a response that is still being made, unless the provider does so because it hears the caller."""
        provider_id = self._responses.stop(command.response_id)
        cuts = command.reason == "turn_detected" and self._speaking and self._interrupts
        return [] if provider_id is None or cuts else [self._say("response.cancel", command, response_id=provider_id)]

    # --- from the provider --------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> Sequence[Event]:
        """Return what a message tells. Raises Garbled, and BridgeError for what ends the session."""
        kind = wire.kind(message)
        row = self.MESSAGES.get(self._shape.aliases.get(kind, kind))
        if row is None:
            if len(self.unknown) < UNKNOWN_TYPES or kind in self.unknown:
                self.unknown[kind] += 1
            return ()
        decoder, handle = row
        return handle(self, wire.read(message, decoder))

    def _nothing(self, message: object) -> Sequence[Event]:
        return ()

    def _taken(self, message: object) -> Sequence[Event]:
        self.ready = True
        return ()

    def _failed(self, message: wire.Failed) -> Sequence[Event]:
        error, code = message.error, failures.code_of(message.error)
        ending = failures.fatal(error, begun=self.ready)
        if ending is not None:
            raise ending
        command = self._sent.pop(error.event_id or "", None)
        if isinstance(command, commands.Respond) and self._responses.refused(command.response_id):
            return [events.ResponseRefused(command.response_id, code, error.message)]
        if self._of_no_interest(code, command):
            return ()
        told = command.event_id if command else None
        kind = error.type or "invalid_request_error"
        return [events.Problem(error.message or "the provider refused a request", code, kind, error.param, told)]

    def _of_no_interest(self, code: str, command: commands.Command | None) -> bool:
        """Say whether only we asked for it, to keep the provider's memory true; the client cannot do anything about it."""
        ours = isinstance(command, commands.TruncateItem) and command.event_id is None
        if ours and isinstance(command, commands.TruncateItem) and code == "unsupported_content_type":
            # "only model output audio messages can be truncated": nothing of it was heard (issues of public clients)
            self._replies.append(self._say("conversation.item.delete", item_id=command.item_id))
        return ours or code in failures.HARMLESS

    def _speech_started(self, message: wire.Heard) -> Sequence[Event]:
        self._speaking = True
        start = self._heard_ms if message.audio_start_ms is None else message.audio_start_ms
        return [events.SpeechStarted(message.item_id, start)]

    def _speech_stopped(self, message: wire.Heard) -> Sequence[Event]:
        self._speaking = False
        end = self._heard_ms if message.audio_end_ms is None else message.audio_end_ms
        return [events.SpeechStopped(message.item_id, end)]

    def _committed(self, message: wire.Heard) -> Sequence[Event]:
        return [events.InputCommitted(message.item_id, message.previous_item_id)]

    def _cleared(self, message: wire.Heard) -> Sequence[Event]:
        return [events.InputCleared()]

    def _timed_out(self, message: wire.Heard) -> Sequence[Event]:
        now = self._heard_ms
        start, end = message.audio_start_ms, message.audio_end_ms
        return [events.InputTimedOut(message.item_id, now if start is None else start, now if end is None else end)]

    def _words_more(self, message: wire.Transcribed) -> Sequence[Event]:
        return self._words_are(message.item_id, self._words.get(message.item_id, "") + (message.delta or ""))

    def _words_are(self, item_id: str, text: str) -> Sequence[Event]:
        if item_id in self._written or len(text) > TRANSCRIPT:
            return ()
        remember(self._words, item_id, text, REMEMBERED)
        return [events.TranscriptPartial(item_id, text, stable=len(text))]

    def _words_done(self, message: wire.Transcribed) -> Sequence[Event]:
        if not self._first(message.item_id):
            return ()
        return [events.TranscriptFinal(message.item_id, message.transcript, usage(message.usage))]

    def _words_failed(self, message: wire.Transcribed) -> Sequence[Event]:
        if not self._first(message.item_id):
            return ()
        error = message.error or wire.ErrorBody()
        text = error.message or "the speech could not be written down"
        return [events.TranscriptFailed(message.item_id, failures.code_of(error), text)]

    def _first(self, item_id: str) -> bool:
        """Say whether this is the first end of an item's transcript."""
        self._words.pop(item_id, None)
        if item_id in self._written:
            return False
        remember(self._written, item_id, None, REMEMBERED)
        return True

    def _limits(self, message: wire.Limits) -> Sequence[Event]:
        told = message.rate_limits
        limits = (events.RateLimit(each.name, each.limit, each.remaining, each.reset_seconds) for each in told)
        return [events.RateLimitsUpdated(tuple(limits))]

    def _created(self, message: wire.ResponseMessage) -> Sequence[Event]:
        told, unwanted = self.reader.created(message, self._settings)
        if unwanted is not None:
            self._replies.append(self._say("response.cancel", response_id=unwanted))
        return told

    @property
    def _interrupts(self) -> bool:
        """Whether the provider stops its reply by itself when the caller speaks."""
        turns = self._settings.turn_detection
        return turns is not None and (turns.interrupt_response or "no_interruption" not in self.capabilities.can)

    @property
    def _heard_ms(self) -> int:
        return self._heard_bytes * 1000 // (2 * self.capabilities.input_rate)

    COMMANDS: ClassVar[Mapping[type[commands.Command], Callable[[Any, Any], list[Message]]]] = {
        commands.UpdateSession: _update,
        commands.CreateItem: _create_item,
        commands.DeleteItem: _delete_item,
        commands.TruncateItem: _truncate,
        commands.CommitInput: _commit,
        commands.ClearInput: _clear,
        commands.Respond: _respond,
        commands.Interrupt: _interrupt,
    }
    MESSAGES: ClassVar[Rows] = {
        **rows(wire.Failed, error=_failed),
        **rows(wire.Head, session__created=_nothing, session__updated=_taken),
        **rows(wire.ConversationCreated, conversation__created=_nothing),
        **rows(
            wire.Heard,
            input_audio_buffer__speech_started=_speech_started,
            input_audio_buffer__speech_stopped=_speech_stopped,
            input_audio_buffer__committed=_committed,
            input_audio_buffer__cleared=_cleared,
            input_audio_buffer__timeout_triggered=_timed_out,
        ),
        **rows(
            wire.Transcribed,
            conversation__item__input_audio_transcription__delta=_words_more,
            conversation__item__input_audio_transcription__completed=_words_done,
            conversation__item__input_audio_transcription__failed=_words_failed,
        ),
        **rows(  # what the session knows already: it asked for it, or the item's own events tell
            wire.Head,
            conversation__item__added=_nothing,
            conversation__item__done=_nothing,
            conversation__item__created=_nothing,
            conversation__item__truncated=_nothing,
            conversation__item__deleted=_nothing,
            conversation__item__retrieved=_nothing,
            conversation__item__input_audio_transcription__segment=_nothing,
            response__content_part__added=_nothing,
            response__content_part__done=_nothing,
            response__function_call_arguments__delta=_nothing,
        ),
        **rows(wire.Limits, rate_limits__updated=_limits),
        **rows(wire.ResponseMessage, response__created=_created, response__done=reply(ReplyReader.done)),
        **rows(
            wire.ResponsePart,
            response__output_item__added=reply(ReplyReader.item_added),
            response__output_item__done=reply(ReplyReader.item_done),
            response__output_text__delta=reply(ReplyReader.text_delta),
            response__output_text__done=reply(ReplyReader.text_done),
            response__output_audio_transcript__delta=reply(ReplyReader.text_delta),
            response__output_audio_transcript__done=reply(ReplyReader.text_done),
            response__output_audio__delta=reply(ReplyReader.audio_delta),
            response__output_audio__done=reply(ReplyReader.audio_done),
            response__function_call_arguments__done=reply(ReplyReader.arguments_done),
        ),
    }
