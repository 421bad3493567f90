"""Events to RTVI messages: one row per event. Pure but for the wall clock that stamps transcripts.

Responses that are no part of the conversation are somebody else's: the client is not told of them. Nor is it told of what
RTVI has no word for (items, settings, usage).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from mediaserver import events as happened
from mediaserver.events import Event
from mediaserver.remember import remember
from mediaserver.settings import Settings
from signaling.rtvi.segments import Progress, Script, Segment
from signaling.rtvi.wire import Message, message, signalling

MAX_KEPT = 64
"""Items, calls and responses remembered at once; beyond this the oldest is forgotten."""

_ENDS_WELL = ("client_closed", "max_duration", "idle")
_TTFB = ("transcript", "model", "speech")


class Writer:
    """Writes what one client is told. ``wall`` returns unix seconds; ``version`` is the client's of the protocol."""

    def __init__(self, settings: Settings, wall: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.version = 2
        self._wall = wall
        self._numbers = count()
        self._scripts: dict[str, Script] = {}
        self._aside: dict[str, bool] = {}
        self._aloud = True
        self._calls: dict[str, str] = {}
        self._voices: dict[str, bool] = {}  # by response: whether its sound is still being made
        self._said: list[Message] = []

    def write(self, event: Event) -> list[Message]:
        """Return what the client is told of this event."""
        row = _WRITERS.get(type(event))
        if row is not None and not self._elsewhere(event):
            row(self, event)
        said, self._said = self._said, []
        return said

    def _elsewhere(self, event: Event) -> bool:
        if isinstance(event, happened.ResponseCreated) and event.out_of_band:
            remember(self._aside, event.response_id, True, MAX_KEPT)
        return getattr(event, "response_id", None) in self._aside

    def _say(self, kind: str, /, data: Any = None, message_id: str = "") -> None:
        self._said.append(message(kind, data, message_id))

    # --- the session --------------------------------------------------------------------------------------------------

    def settled(self, event: happened.SessionCreated | happened.SessionUpdated) -> None:
        """Remember what is in force."""
        self.settings = event.settings

    def ended(self, event: happened.SessionEnded) -> None:
        """The bot has left; an end that nobody wanted is told as what it is."""
        if event.reason not in _ENDS_WELL:
            self._error(event.detail or event.reason, fatal=True)
        self._said.append(signalling("peerLeft"))

    def problem(self, event: happened.Problem) -> None:
        """Something was refused: an answer to the client's message where one caused it."""
        if event.client_event_id:
            self._say("error-response", {"error": event.message}, event.client_event_id)
        else:
            self._error(event.message, fatal=False)

    def _error(self, text: str, *, fatal: bool) -> None:
        self._say("error", {"error": text, "message": text, "fatal": fatal})

    def measured(self, event: happened.TurnMeasured) -> None:
        """Where the time went, in seconds, by stage."""
        seconds = {stage.name: round(max(0.0, stage.end - stage.start), 4) for stage in event.stages}
        rows = [{"processor": name, "value": value} for name, value in seconds.items()]
        first = [row for row in rows if row["processor"] in _TTFB]
        self._say("metrics", {"ttfb": first, "processing": rows})

    # --- the user -----------------------------------------------------------------------------------------------------

    def partial(self, event: happened.TranscriptPartial) -> None:
        """What the user seems to be saying."""
        self._transcription(event.text, final=False)

    def final(self, event: happened.TranscriptFinal) -> None:
        """What the user said, and that the model is told it."""
        self._transcription(event.text, final=True)
        if event.text:
            self._say("user-llm-text", {"text": event.text})

    def _transcription(self, text: str, *, final: bool) -> None:
        if text:
            stamp = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds")
            self._say("user-transcription", {"text": text, "final": final, "timestamp": stamp, "user_id": ""})

    # --- the bot ------------------------------------------------------------------------------------------------------

    def response_created(self, event: happened.ResponseCreated) -> None:
        """The model began."""
        self._aloud = "audio" in event.modalities
        self._say("bot-llm-started")

    def text(self, event: happened.TextDelta) -> None:
        """More of what the bot says."""
        self._say("bot-llm-text", {"text": event.text})
        script = self._script(event.item_id)
        self._outputs(script, script.write(event.text))

    def text_done(self, event: happened.TextDone) -> None:
        """All of it."""
        script = self._script(event.item_id)
        self._outputs(script, script.finish(event.text))

    def _script(self, item_id: str) -> Script:
        script = self._scripts.get(item_id)
        if script is None:
            script = Script(self._numbers, self._aloud)
            remember(self._scripts, item_id, script, MAX_KEPT)
        return script

    def _outputs(self, script: Script, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._output(script, Progress(segment, "new", "", segment.text))

    def _output(self, script: Script, progress: Progress) -> None:
        data: Message = {"text": progress.segment.text, "aggregated_by": "sentence"}
        if self.version < 2:
            # Version 1 says each sentence twice: when it is written, and when it has been spoken.
            if progress.status != "in-progress":
                self._say("bot-output", data | {"spoken": progress.status == "completed"})
            return
        data |= {"segment_id": progress.segment.number, "will_be_spoken": script.spoken}
        if script.spoken:
            left = {"accumulated_text": progress.accumulated, "remaining_text": progress.remaining}
            data |= {"spoken_status": progress.status, "spoken_progress": left}
        self._say("bot-output", data)

    def heard(self, event: happened.Heard) -> None:
        """The user has heard this much."""
        script = self._scripts.get(event.item_id)
        if script is None:
            return
        self._progress(script, len(event.text) if event.unheard else len(script.text))

    def interrupted(self, event: happened.Interrupted) -> None:
        """The user spoke into the reply: the bot has said what was heard of it, and no more."""
        self._say("bot-interrupted")
        script = self._scripts.get(event.item_id)
        if script is not None:
            self._outputs(script, script.cut(len(event.text)))
            self._progress(script, len(event.text))

    def _progress(self, script: Script, length: int) -> None:
        words, progress = script.hear(length)
        if words:
            self._say("bot-tts-text", {"text": words})
        for step in progress:
            self._output(script, step)

    def sounds(self, event: happened.OutputStarted) -> None:
        """The user begins to hear the bot; its voice began before that, if nobody said so yet."""
        self._voice_begins(event.response_id)
        self._say("bot-started-speaking")

    def sound_done(self, event: happened.AudioDone) -> None:
        """The voice is done; what it made may still be playing."""
        self._voice_begins(event.response_id)
        self._voice_ends(event.response_id)

    def response_done(self, event: happened.ResponseDone) -> None:
        """The model is done; what its voice did not get to say is not waited for."""
        self._say("bot-llm-stopped")
        if event.status == "failed":
            self._error(event.error_message or "the model failed to answer", fatal=False)
        if event.status != "completed":
            self._voice_ends(event.response_id)

    def _voice_begins(self, response_id: str) -> None:
        if response_id not in self._voices:
            remember(self._voices, response_id, True, MAX_KEPT)
            self._say("bot-tts-started")

    def _voice_ends(self, response_id: str) -> None:
        if self._voices.get(response_id):
            self._voices[response_id] = False
            self._say("bot-tts-stopped")

    # --- functions ----------------------------------------------------------------------------------------------------

    def called(self, event: happened.ToolCalled) -> None:
        """The model calls a function."""
        remember(self._calls, event.call_id, event.name, MAX_KEPT)
        self._say("llm-function-call-started", {"function_name": event.name})
        data = {"function_name": event.name, "tool_call_id": event.call_id, "arguments": _arguments(event.arguments)}
        self._say("llm-function-call-in-progress", data)

    def item(self, event: happened.ItemAdded) -> None:
        """A function has its result."""
        call_id = event.item.call_id or ""
        if event.item.kind == "function_call_output" and call_id in self._calls:
            self._stopped(call_id, {"cancelled": False, "result": _result(event.item.output)})

    def withdrawn(self, event: happened.ToolsCancelled) -> None:
        """Nobody wants the results any more."""
        for call_id in event.call_ids:
            if call_id in self._calls:
                self._stopped(call_id, {"cancelled": True})

    def _stopped(self, call_id: str, how: Message) -> None:
        name = self._calls.pop(call_id)
        self._say("llm-function-call-stopped", {"function_name": name, "tool_call_id": call_id, **how})


def _arguments(text: str) -> Any:
    """Return the arguments as an object; a model may write what is none."""
    value = _result(text)
    return value if isinstance(value, dict) else {}


def _result(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _plain(kind: str) -> Callable[[Writer, Any], None]:
    return lambda writer, event: writer._say(kind)


_WRITERS: dict[type[Event], Callable[[Writer, Any], None]] = {
    happened.SessionCreated: Writer.settled,
    happened.SessionUpdated: Writer.settled,
    happened.SessionEnded: Writer.ended,
    happened.Problem: Writer.problem,
    happened.SpeechStarted: _plain("user-started-speaking"),
    happened.SpeechStopped: _plain("user-stopped-speaking"),
    happened.TranscriptPartial: Writer.partial,
    happened.TranscriptFinal: Writer.final,
    happened.ItemAdded: Writer.item,
    happened.ResponseCreated: Writer.response_created,
    happened.TextDelta: Writer.text,
    happened.TextDone: Writer.text_done,
    happened.AudioDone: Writer.sound_done,
    happened.ToolCalled: Writer.called,
    happened.ToolsCancelled: Writer.withdrawn,
    happened.ResponseDone: Writer.response_done,
    happened.OutputStarted: Writer.sounds,
    happened.OutputStopped: _plain("bot-stopped-speaking"),
    happened.OutputCleared: _plain("bot-stopped-speaking"),
    happened.Interrupted: Writer.interrupted,
    happened.Heard: Writer.heard,
    happened.TurnMeasured: Writer.measured,
}
