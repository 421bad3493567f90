"""What happened in a headless call: a timeline for people, and the same as plain data for programs.

Pure: everything is noted with its time in seconds since the call began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from signaling.headless.scoring import word_error_rate
from signaling.headless.script import Turn


@dataclass(slots=True)
class Answer:
    """What came back to one turn. Times in milliseconds since the call began."""

    response_ids: list[str] = field(default_factory=list)
    text: str = ""
    status: str = ""
    first_sound_ms: int | None = None
    last_sound_ms: int | None = None
    interrupted: dict[str, Any] | None = None


@dataclass(slots=True)
class TurnRecord:
    """One turn and its answer. ``latency_ms`` runs from our last audible word to the first sound of the answer."""

    kind: str
    said: str
    expect: str | None
    barge_in_s: float | None
    started_ms: int
    finished_ms: int | None = None
    transcript: str | None = None
    word_error_rate: float | None = None
    latency_ms: int | None = None
    answer: Answer = field(default_factory=Answer)
    stages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        """Something was heard or written."""
        return self.answer.first_sound_ms is not None or bool(self.answer.text)


class Record:
    """The whole call. ``write`` gets each line of the timeline as it happens."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._items: dict[str, TurnRecord] = {}
        self._responses: dict[str, TurnRecord] = {}
        self._sounding: TurnRecord | None = None
        self._sounding_since_ms: int | None = None
        self.turns: list[TurnRecord] = []
        self.events: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.facts: dict[str, Any] = {}

    @property
    def ok(self) -> bool:
        """Every turn got an answer."""
        return bool(self.turns) and all(turn.answered for turn in self.turns)

    def line(self, at: float, who: str, text: str) -> None:
        """Write one line of the timeline."""
        self._write(f"{round(at * 1000):>7} ms  {who:<9} {text}")

    def problem(self, at: float, text: str) -> None:
        """Note what went wrong."""
        self.problems.append(text)
        self.line(at, "problem", text)

    def say(self, turn: Turn, at: float, length_s: float) -> None:
        """A turn begins."""
        self.turns.append(TurnRecord(turn.kind, turn.content, turn.expect, turn.barge_in, _ms(at)))
        detail = f"{turn.content} ({length_s:.1f} s)" if turn.kind == "wav" else f"“{turn.content}”"
        self.line(at, "you", f"{'say' if turn.kind == 'wav' else 'write'} {detail}{_barging(turn)}")

    def said(self, at: float, *, answered: bool) -> None:
        """The turn's last audible sample has left; ``answered`` when an answer was audible already."""
        turn = self.turns[-1]
        turn.finished_ms = _ms(at)
        self.line(at, "you", "last word")
        if answered:
            turn.answer.first_sound_ms = self._sounding_since_ms

    def sound(self, audible: bool, at: float) -> None:
        """The answer became audible or silent."""
        self._sounding_since_ms = _ms(at) if audible else None
        if audible and self.turns:
            self._sounding = self.turns[-1]
            self.line(at, "sound", f"audible{self._first_sound(self._sounding, at)}")
        elif self._sounding is not None:
            self._sounding.answer.last_sound_ms = _ms(at)
            self.line(at, "sound", "silent")

    def _first_sound(self, turn: TurnRecord, at: float) -> str:
        if turn.answer.first_sound_ms is not None or turn.finished_ms is None:
            return ""
        turn.answer.first_sound_ms, turn.latency_ms = _ms(at), _ms(at) - turn.finished_ms
        return f", {turn.latency_ms} ms after your last word"

    def event(self, event: Mapping[str, Any], at: float, channel: str) -> None:
        """Take one event of the server."""
        kind = str(event.get("type"))
        self.events.append({"at_ms": _ms(at), "channel": channel, **event})
        row = _ROWS.get(kind)
        if row is not None:
            row(self, event, at)

    def as_data(self) -> dict[str, Any]:
        """Return the whole as plain data for ``--json``."""
        turns = [{**asdict(turn), "answered": turn.answered} for turn in self.turns]
        return {"ok": self.ok, **self.facts, "turns": turns, "problems": self.problems, "events": self.events}

    # --- events: one method per row of the table below ----------------------------------------------------------------

    def _speech_started(self, event: Mapping[str, Any], at: float) -> None:
        if self.turns:
            self._items[str(event.get("item_id"))] = self.turns[-1]
        self.line(at, "server", "hears you speak")

    def _speech_stopped(self, event: Mapping[str, Any], at: float) -> None:
        self.line(at, "server", "hears you stop")

    def _transcript(self, event: Mapping[str, Any], at: float) -> None:
        text = str(event.get("transcript", "")).strip()
        turn = self._items.get(str(event.get("item_id"))) or (self.turns[-1] if self.turns else None)
        if turn is not None:
            turn.transcript = f"{turn.transcript} {text}".strip() if turn.transcript else text
            if turn.expect is not None:
                turn.word_error_rate = round(word_error_rate(turn.expect, turn.transcript), 3)
        rate = (
            "" if turn is None or turn.word_error_rate is None else f"   (word error rate {turn.word_error_rate:.0%})"
        )
        self.line(at, "you said", f"“{text}”{rate}")

    def _transcript_failed(self, event: Mapping[str, Any], at: float) -> None:
        self.problem(at, f"your words could not be written down: {event.get('error', {}).get('message', '')}")

    def _response_created(self, event: Mapping[str, Any], at: float) -> None:
        name = _response_id(event)
        if self.turns:
            self._responses[name] = self.turns[-1]
            self.turns[-1].answer.response_ids.append(name)
        self.line(at, "answer", "begins")

    def _words(self, event: Mapping[str, Any], at: float) -> None:
        text = str(event.get("transcript") or event.get("text") or "")
        if turn := self._responses.get(str(event.get("response_id"))):
            turn.answer.text = f"{turn.answer.text} {text}".strip()
        self.line(at, "answer", f"“{text}”")

    def _response_done(self, event: Mapping[str, Any], at: float) -> None:
        response = event.get("response", {})
        status = str(response.get("status"))
        if turn := self._responses.get(_response_id(event)):
            turn.answer.status = status
        reason = (response.get("status_details") or {}).get("reason")
        self.line(at, "answer", status + (f" ({reason})" if reason else ""))
        if status == "failed":
            self.problem(
                at, f"the answer failed: {(response.get('status_details') or {}).get('error', {}).get('code', '')}"
            )

    def _tool(self, event: Mapping[str, Any], at: float) -> None:
        self.line(at, "tool", f"{event.get('name', '')}({event.get('arguments', '')})")

    def _truncated(self, event: Mapping[str, Any], at: float) -> None:
        self.line(at, "server", f"cut the answer off after {event.get('audio_end_ms')} ms")

    def _interrupted(self, event: Mapping[str, Any], at: float) -> None:
        if turn := self._responses.get(str(event.get("response_id"))):
            kept = ("played_ms", "text", "unheard", "estimated", "onset_ms", "silent_ms")
            turn.answer.interrupted = {name: event.get(name) for name in kept}
        self.line(at, "server", f"you heard “{event.get('text', '')}”, not “{event.get('unheard', '')}”")

    def _turn_measured(self, event: Mapping[str, Any], at: float) -> None:
        stages = [dict(stage) for stage in event.get("stages", ())]
        turn = self._items.get(str(event.get("item_id"))) or self._responses.get(str(event.get("response_id")))
        if turn is not None:
            turn.stages = stages
        self.line(at, "stages", "  ".join(f"{s['name']} {round(s['end_ms'] - s['start_ms'])} ms" for s in stages))

    def _error(self, event: Mapping[str, Any], at: float) -> None:
        self.problem(at, f"the server says: {event.get('error', {}).get('message', '')}")

    def _ended(self, event: Mapping[str, Any], at: float) -> None:
        self.facts["ended"] = event.get("reason")
        self.line(at, "server", f"ended the call: {event.get('reason')} {event.get('detail') or ''}".rstrip())


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _barging(turn: Turn) -> str:
    return "" if turn.barge_in is None else f", {turn.barge_in:g} s into the answer"


def _response_id(event: Mapping[str, Any]) -> str:
    return str(event.get("response", {}).get("id"))


_ROWS: dict[str, Callable[[Record, Mapping[str, Any], float], None]] = {
    "input_audio_buffer.speech_started": Record._speech_started,
    "input_audio_buffer.speech_stopped": Record._speech_stopped,
    "conversation.item.input_audio_transcription.completed": Record._transcript,
    "conversation.item.input_audio_transcription.failed": Record._transcript_failed,
    "conversation.item.truncated": Record._truncated,
    "response.created": Record._response_created,
    "response.output_audio_transcript.done": Record._words,
    "response.output_text.done": Record._words,
    "response.function_call_arguments.done": Record._tool,
    "response.done": Record._response_done,
    "error": Record._error,
    "interrupted": Record._interrupted,
    "turn": Record._turn_measured,
    "ended": Record._ended,
}
