"""Events to server events: one row per event; the few that need memory (responses, transcripts) keep it here.

Every server event has an ``event_id`` except ``input_audio_buffer.dtmf_event_received``, which the contract writes without.
Over WebRTC the sound is on the track and ``output_audio_buffer.*`` tell what is heard of it. Over a WebSocket the client
plays: it gets ``response.output_audio.delta``, hears nothing of a buffer that is its own, and of a truncation only when it
asked for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from mediaserver import events as happened
from mediaserver.clock import new_id
from mediaserver.events import Event, ResponseCreated
from mediaserver.items import Item, Usage
from signaling.realtime.effective import Effective
from signaling.realtime.items import write_item
from signaling.realtime.reply import Reply

Message = dict[str, Any]


class Writer:
    """Writes what one client is told. ``wall`` returns unix seconds; ``track``: the call's sound is on a media track."""

    def __init__(self, effective: Effective, wall: Callable[[], float] = time.time, *, track: bool = True) -> None:
        self.track = track
        self.truncations: deque[str] = deque(maxlen=64)
        self.effective = effective
        self.session_id = ""
        self.client_items: set[str] = set()
        self._wall = wall
        self._expires_at: int | None = None
        self._conversation_id = new_id("conv")
        self._replies: dict[str, Reply] = {}
        self._made_for: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._said: list[Message] = []

    def write(self, event: Event) -> list[Message]:
        """Return what the client is told of this event; nothing when the contract has no word for it."""
        row = _WRITERS.get(type(event))
        if row is not None:
            row(self, event)
        said, self._said = self._said, []
        return said

    def say(self, name: str, /, **fields: Any) -> None:
        """Write one server event."""
        self._said.append({"type": name, "event_id": new_id("event"), **fields})

    def session_created(self, event: happened.SessionCreated) -> None:
        """The session is open."""
        self.session_id, self._expires_at = event.session_id, event.expires_at
        self._say_session("session.created", event)

    def session_updated(self, event: happened.SessionUpdated) -> None:
        """Other settings are in force."""
        self._say_session("session.updated", event)

    def _say_session(self, name: str, event: happened.SessionCreated | happened.SessionUpdated) -> None:
        self.effective = replace(self.effective, settings=event.settings)
        self.say(name, session=self.effective.written(self.session_id, self._expires_at))

    def session_ended(self, event: happened.SessionEnded) -> None:
        """The contract has a word for one end only."""
        if event.reason == "max_duration":
            message = event.detail or "the session reached its maximum duration"
            self.problem(happened.Problem(message, code="session_expired"))

    def problem(self, event: happened.Problem) -> None:
        """Something was refused."""
        error = {
            "type": event.type,
            "code": event.code,
            "message": event.message,
            "param": event.param,
            "event_id": event.client_event_id,
        }
        self.say("error", error=error)

    def partial(self, event: happened.TranscriptPartial) -> None:
        """Say more of the transcript, only what will not change; a client appends what it gets."""
        stable = event.text[: event.stable]
        shown = self._shown.get(event.item_id, "")
        if self._transcribing and len(stable) > len(shown) and stable.startswith(shown):
            self._shown[event.item_id] = stable
            self._say_transcript("delta", event.item_id, delta=stable[len(shown) :])

    def final(self, event: happened.TranscriptFinal) -> None:
        """Say the rest of the transcript and all of it."""
        shown = self._shown.pop(event.item_id, "")
        if not self._transcribing:
            return
        if event.text.startswith(shown) and len(event.text) > len(shown):
            self._say_transcript("delta", event.item_id, delta=event.text[len(shown) :])
        self._say_transcript("completed", event.item_id, transcript=event.text, usage=_listening(event.usage))

    def failed(self, event: happened.TranscriptFailed) -> None:
        """There is no transcript."""
        self._shown.pop(event.item_id, None)
        if self._transcribing:
            error = {"type": "server_error", "code": event.code, "message": event.message, "param": None}
            self._say_transcript("failed", event.item_id, error=error)

    @property
    def _transcribing(self) -> bool:
        return self.effective.settings.transcription is not None

    def _say_transcript(self, name: str, item_id: str, **fields: Any) -> None:
        self.say(f"conversation.item.input_audio_transcription.{name}", item_id=item_id, content_index=0, **fields)

    def digit(self, event: happened.DigitPressed) -> None:
        """A telephone key."""
        name = "input_audio_buffer.dtmf_event_received"
        self._said.append({"type": name, "event": event.digit, "received_at": int(self._wall())})

    def item_added(self, event: happened.ItemAdded) -> None:
        """An item joined; one that the model makes is announced as output of its response first."""
        reply = self._reply_of(event.item)
        self.client_items.discard(event.item.id)
        if reply is not None:
            reply.output(event.item)
        self._say_item("conversation.item.added", event)

    def item_done(self, event: happened.ItemDone) -> None:
        """An item is complete."""
        for reply in self._replies.values():
            if event.item.id in reply.outputs:
                reply.item_done(event.item)
        self._say_item("conversation.item.done", event)

    def _say_item(self, name: str, event: happened.ItemAdded | happened.ItemDone) -> None:
        self.say(name, previous_item_id=event.previous_item_id, item=write_item(event.item))

    def _reply_of(self, item: Item) -> Reply | None:
        """Return the response that made an item: the one that spoke of it, else the youngest."""
        for reply in self._replies.values():
            if item.id in reply.outputs:
                return reply
        made = item.role == "assistant" or item.kind == "function_call"
        if not made or item.id in self.client_items:
            return None
        return next(reversed(self._replies.values()), None)

    def response_created(self, event: ResponseCreated) -> None:
        """The model began."""
        reply = self._replies[event.response_id] = Reply(
            event,
            self.say,
            None if event.out_of_band else self._conversation_id,
            self.effective.settings.max_output_tokens,
            dict(self.effective.output_format),
        )
        reply.begin()

    def reply(self, response_id: str) -> Reply | None:
        """Return a response that is being made."""
        return self._replies.get(response_id)

    def sound(self, item_id: str, delta: str) -> list[Message]:
        """Say a piece of an item's sound; a response is made for one that belongs to none: clients know no other sound."""
        reply = self._speaker_of(item_id)
        reply.sound(item_id, delta)
        said, self._said = self._said, []
        return said

    def sound_over(self, item_id: str) -> list[Message]:
        """No more sound comes for an item: end the response that was made for it."""
        response_id = self._made_for.pop(item_id, "")
        self.response_done(happened.ResponseDone(response_id))
        said, self._said = self._said, []
        return said

    def _speaker_of(self, item_id: str) -> Reply:
        for reply in reversed(self._replies.values()):
            if item_id in reply.outputs:
                return reply
        if not self._replies:
            self._made_for[item_id] = new_id("resp")
            self.response_created(ResponseCreated(self._made_for[item_id], voice=self.effective.settings.voice))
        return next(reversed(self._replies.values()))

    def response_done(self, event: happened.ResponseDone) -> None:
        """The response is over."""
        reply = self._replies.pop(event.response_id, None)
        if reply is not None:
            reply.end(event)


def _listening(usage: Usage | None) -> dict[str, Any]:
    if usage is None or not usage.input_tokens + usage.output_tokens:
        return {"type": "duration", "seconds": usage.seconds if usage else 0.0}
    return {
        "type": "tokens",
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_token_details": {"audio_tokens": usage.input_audio_tokens, "text_tokens": usage.input_text_tokens},
    }


def _plain(name: str, *fields: str) -> Callable[[Writer, Any], None]:
    """Return a row that copies these fields."""

    def row(writer: Writer, event: Any) -> None:
        writer.say(name, **{field: getattr(event, field) for field in fields})

    return row


def _on_track(name: str) -> Callable[[Writer, Any], None]:
    """Return a row that tells of the sound on the media track, where there is one."""

    def row(writer: Writer, event: Any) -> None:
        if writer.track:
            writer.say(f"output_audio_buffer.{name}", response_id=event.response_id)

    return row


def _rate_limits(writer: Writer, event: happened.RateLimitsUpdated) -> None:
    writer.say("rate_limits.updated", rate_limits=[asdict(limit) for limit in event.limits])


def _in_reply(act: Callable[[Reply, Any], None]) -> Callable[[Writer, Any], None]:
    """Return a row for an event of a response that is being made; one that is over has nothing more to say."""

    def row(writer: Writer, event: Any) -> None:
        reply = writer.reply(event.response_id)
        if reply is not None:
            act(reply, event)

    return row


def _tool_called(reply: Reply, event: happened.ToolCalled) -> None:
    item = Item(event.item_id, "function_call", call_id=event.call_id, name=event.name, arguments=event.arguments)
    reply.call(item)


def _retrieved(writer: Writer, event: happened.ItemRetrieved) -> None:
    writer.say("conversation.item.retrieved", item=write_item(event.item))


def _truncated(writer: Writer, event: happened.ItemTruncated) -> None:
    asked = event.item.id in writer.truncations
    if asked:
        writer.truncations.remove(event.item.id)
    if not asked and not writer.track:
        return
    fields = {"content_index": event.content_index, "audio_end_ms": event.audio_end_ms}
    writer.say("conversation.item.truncated", item_id=event.item.id, **fields)


_WRITERS: dict[type[Event], Callable[[Writer, Any], None]] = {
    happened.SessionCreated: Writer.session_created,
    happened.SessionUpdated: Writer.session_updated,
    happened.SessionEnded: Writer.session_ended,
    happened.Problem: Writer.problem,
    happened.SpeechStarted: _plain("input_audio_buffer.speech_started", "item_id", "audio_start_ms"),
    happened.SpeechStopped: _plain("input_audio_buffer.speech_stopped", "item_id", "audio_end_ms"),
    happened.InputCommitted: _plain("input_audio_buffer.committed", "item_id", "previous_item_id"),
    happened.InputCleared: _plain("input_audio_buffer.cleared"),
    happened.InputTimedOut: _plain("input_audio_buffer.timeout_triggered", "item_id", "audio_start_ms", "audio_end_ms"),
    happened.TranscriptPartial: Writer.partial,
    happened.TranscriptFinal: Writer.final,
    happened.TranscriptFailed: Writer.failed,
    happened.DigitPressed: Writer.digit,
    happened.ItemAdded: Writer.item_added,
    happened.ItemDone: Writer.item_done,
    happened.ItemRetrieved: _retrieved,
    happened.ItemTruncated: _truncated,
    happened.ItemDeleted: _plain("conversation.item.deleted", "item_id"),
    happened.ResponseCreated: Writer.response_created,
    happened.TextDelta: _in_reply(lambda reply, event: reply.text(event.item_id, event.text)),
    happened.TextDone: _in_reply(lambda reply, event: reply.text_done(event.item_id, event.text)),
    happened.AudioDelta: _in_reply(lambda reply, event: _opened(reply, event.item_id)),
    happened.AudioDone: _in_reply(lambda reply, event: reply.sound_done(event.item_id)),
    happened.ToolCalled: _in_reply(_tool_called),
    happened.ResponseDone: Writer.response_done,
    happened.RateLimitsUpdated: _rate_limits,
    happened.OutputStarted: _on_track("started"),
    happened.OutputStopped: _on_track("stopped"),
    happened.OutputCleared: _on_track("cleared"),
}


def _opened(reply: Reply, item_id: str) -> None:
    reply.message(item_id)
