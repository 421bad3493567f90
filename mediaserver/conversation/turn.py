"""Who is speaking, and what follows from it. Pure: ``on(event, now)`` returns actions, ``due`` says when to ask again.

::

    idle ──Onset──> speaking ──Offset──> deciding ──words──> replying ──played──> idle
                       ▲                                        │  ▲
                       └────────────── Onset again ─────────────┼──┘ no words: Resume
                                                                ▼
                                                              paused ──words──> Interrupt, speaking

The caller's turn ends after a silence (``server_vad``) or after a wait that ``endpoint`` weighs (``semantic_vad``). An
onset while a reply is being made or played silences it at once (``Pause``), and while it is heard so does a hint of one,
which is an onset or nothing soon after. It is a true interruption when words follow, or when the speech goes on for longer
than a cough does:

* ``LONG_SPEECH_S`` (0.7 s) with an engine that has never shown a partial transcript: we cannot know better;
* ``LONG_NOISE_S`` (2 s) with one that has: speech that yields no word for so long is somebody talking all the same.

Otherwise the reply goes on where it stopped: at once for a sound shorter than ``SHORTEST_MS``, when the final transcript is
empty, or ``RESUME_AFTER_S`` after the end of the sound when no transcript came. Fillers ("mm-hmm") and backchannels
("right") are no words while a reply can be heard, see ``bargein``, and are an answer like any other when none is.

Speech that goes on after its turn was closed, before any of the answer could be heard, belongs to the same turn: the
same pause holds the unheard answer back, words cancel it, and one answer to both pieces follows (``owed``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Offset, Onset
from mediaserver.clock import earliest
from mediaserver.conversation.bargein import takes_floor
from mediaserver.conversation.endpoint import QUIET_MS, least_ms, patience_ms
from mediaserver.conversation.pace import Pace
from mediaserver.conversation.words import has_words
from mediaserver.settings import TurnDetection

SHORTEST_MS = 100
LONG_SPEECH_S = 0.7
LONG_NOISE_S = 2.0
RESUME_AFTER_S = 2.0
TRANSCRIPT_WITHIN_S = 10.0
HINT_REST_S = 30.0
"""After a hint that came to nothing none is believed for so long: a reply must not be full of holes."""

State = Literal["idle", "speaking", "deciding", "replying", "paused"]


# --- what happens -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """A transcript of the caller's turn; ``final`` once per committed item, empty when there were no words.

    ``asked``: the turn began when the reply that is heard had just asked a question.
    """

    item_id: str
    text: str
    final: bool
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A model gives ``complete``, 0..1, to the turn being over with the voice that ended at ``end_ms``."""

    end_ms: int
    complete: float


@dataclass(frozen=True, slots=True)
class Committed:
    """The client ended the turn of this item by itself; a transcript will follow."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ReplyMade:
    """A reply is being made; ``asked``: the client asks for it, also as the answer to what has no transcript yet."""

    asked: bool = False


@dataclass(frozen=True, slots=True)
class ReplyHeard:
    """The caller begins to hear the reply."""


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """The reply was played to its end, or will not be heard any more."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Happening = Hint | Onset | Offset | Words | Judged | Committed | ReplyMade | ReplyHeard | ReplyOver | Tick


# --- what to do -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The caller's turn begins as this item; ``start_ms`` is its first voiced sample."""

    item_id: str
    start_ms: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The caller's turn is complete; ``end_ms`` is its last voiced sample."""

    item_id: str
    end_ms: int


@dataclass(frozen=True, slots=True)
class Drop:
    """It was no speech: forget the item."""

    item_id: str
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Be silent and keep the reply."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the reply where it stopped."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop the reply for good; ``onset`` is when the caller began to speak into it, monotonic seconds.

    ``asked``: the client has asked for the answer to these words already; that request stands.
    """

    onset: float
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Make a reply to what was said."""


@dataclass(frozen=True, slots=True)
class GiveUpWaiting:
    """The caller said nothing for ``idle_timeout_ms``: tell, and make a reply."""


Action = Begin | Commit | Drop | Pause | Resume | Interrupt | Answer | GiveUpWaiting


class Turn:
    """The turn-taking of one session; ``name`` makes ids for the caller's items."""

    def __init__(self, detection: TurnDetection | None, name: Callable[[], str]) -> None:
        self.detection = detection
        self.item_id: str | None = None  # the caller's turn that is open
        self._name = name
        self._talking = False
        self._onset = 0.0
        self._last_voice = Offset(0, 0)
        self._voiced_ms = 0
        self._quiet_at = 0.0
        self._complete: float | None = None  # what a model says of the pause that is going on
        self._text = ""
        self._asked_before = False
        self._pace = Pace()
        self._gap_ms: int | None = None  # the silence before this turn, when it may be the rest of the one before
        self._partials = False
        self._pending: dict[str, float] = {}  # committed items without a transcript, and how long we wait for it
        self._asked: set[str] = set()  # those of them whose answer the client asked for
        self._owed = False
        self._reply: Literal["none", "made", "heard"] = "none"
        self._paused = False
        self._hinted = False  # ... and nobody has spoken for certain
        self._hints_from = float("-inf")
        self._commit_at: float | None = None
        self._resume_at: float | None = None
        self._confirm_at: float | None = None
        self._nobody_at: float | None = None

    @property
    def state(self) -> State:
        """Where we are, in one word."""
        if self._paused:
            return "paused"
        if self.item_id is not None:
            return "speaking"
        if self._reply != "none":
            return "replying"
        return "deciding" if self._pending or self._owed else "idle"

    @property
    def pending(self) -> bool:
        """A transcript of something that was said is still to come."""
        return bool(self._pending)

    @property
    def waiting(self) -> bool:
        """The caller is silent, and it is being weighed whether the turn is over."""
        return self._commit_at is not None

    @property
    def due(self) -> float | None:
        """When :class:`Tick` is due, monotonic seconds; ``None``: nothing is waited for."""
        return earliest(self._commit_at, self._resume_at, self._confirm_at, self._nobody_at, *self._pending.values())

    def on(self, event: Happening, now: float) -> list[Action]:
        """Take what happened at ``now`` (monotonic seconds) and return what to do, in order."""
        return _HANDLERS[type(event)](self, event, now)

    def configure(self, detection: TurnDetection | None) -> list[Action]:
        """Put other settings in force. Without detection an open turn is dropped and a held reply goes on."""
        actions: list[Action] = []
        if detection is None:
            if self.item_id is not None:
                actions.append(Drop(self._close(), self._last_voice.end_ms))
            actions += self._resumed()
            self._owed = False
        self.detection = detection
        self._nobody_at = None
        return actions

    def forget(self) -> list[Action]:
        """Drop the turn that is open: the client cleared its sound."""
        dropped: list[Action] = [] if self.item_id is None else [Drop(self._close(), self._last_voice.end_ms)]
        return dropped + self._resumed() + self._answer_owed()

    def leave(self) -> list[Action]:
        """Another one takes the turns from now on: drop the turn that is open, and let a held reply go on."""
        dropped: list[Action] = [] if self.item_id is None else [Drop(self._close(), self._last_voice.end_ms)]
        return dropped + self._resumed()

    # --- the caller's voice ---

    def _hint_heard(self, event: Hint, now: float) -> list[Action]:
        """Be silent for a moment: an onset makes more of it, or time puts an end to it."""
        held = self._paused or self.item_id is not None or now < self._hints_from
        if held or self._reply != "heard" or self.detection is None or not self.detection.interrupt_response:
            return []
        self._paused = self._hinted = True
        self._onset, self._resume_at = now, now + event.hold_ms / 1000
        return [Pause()]

    def _onset_heard(self, event: Onset, now: float) -> list[Action]:
        if self.detection is None:
            return []
        self._talking, self._commit_at, self._nobody_at = True, None, None
        silence_ms = event.start_ms - self._last_voice.end_ms
        if self.item_id is not None:
            self._pace.paused(silence_ms)
            return []  # semantic_vad was still waiting: the same turn goes on
        self._gap_ms = silence_ms if self._pending or self._reply == "made" else None
        self._onset = self._onset if self._hinted else now
        self._voiced_ms, self._text, self._asked_before = 0, "", False
        self.item_id = self._name()
        return [Begin(self.item_id, event.start_ms), *self._hold(now)]

    def _hold(self, now: float) -> list[Action]:
        if self._reply == "none" or self.detection is None or not self.detection.interrupt_response:
            return []
        self._hinted, self._resume_at = False, None
        self._confirm_at = now + (LONG_NOISE_S if self._partials else LONG_SPEECH_S)
        if self._paused:
            return []
        self._paused = True
        return [Pause()]

    def _offset_heard(self, event: Offset, now: float) -> list[Action]:
        self._talking = False
        if self.detection is None or self.item_id is None:
            return []
        self._last_voice, self._confirm_at, self._complete = event, None, None
        self._voiced_ms += event.voiced_ms
        if self._voiced_ms < SHORTEST_MS:
            return [Drop(self._close(), event.end_ms), *self._resumed(), *self._answer_owed()]
        if self.detection.kind == "server_vad":
            return self._commit(now)
        self._quiet_at = now - QUIET_MS / 1000
        self._commit_at = max(now, self._patient_until(self.detection))
        return []

    def _patient_until(self, detection: TurnDetection) -> float:
        if self._paused and self._text and not self._meant(self._text, final=True, asked=self._asked_before):
            return self._quiet_at + least_ms(detection.eagerness) / 1000  # a backchannel: let the reply go on soon
        voice = self._last_voice
        heard = voice.prosody, self._pace.factor, self._complete, voice.above_room_db
        return self._quiet_at + patience_ms(detection.eagerness, self._text, *heard) / 1000

    def _judged(self, event: Judged, _now: float) -> list[Action]:
        if event.end_ms == self._last_voice.end_ms:  # of an earlier pause it is of no use
            self._complete = event.complete
            self._be_patient_again()
        return []

    def _commit(self, now: float) -> list[Action]:
        if self._gap_ms is not None:
            self._pace.paused(self._gap_ms)
        item_id = self._close()
        self._pending[item_id] = now + TRANSCRIPT_WITHIN_S
        if self._paused:
            self._resume_at = now + RESUME_AFTER_S
        return [Commit(item_id, self._last_voice.end_ms)]

    def _close(self) -> str:
        item_id, self.item_id = self.item_id or "", None
        self._talking, self._commit_at, self._confirm_at = False, None, None
        return item_id

    def _committed(self, event: Committed, now: float) -> list[Action]:
        if event.item_id == self.item_id:
            self._close()
        self._pending[event.item_id] = now + TRANSCRIPT_WITHIN_S
        if self._paused:
            self._resume_at = now + RESUME_AFTER_S
        return []

    # --- words ---

    def _words(self, event: Words, now: float) -> list[Action]:
        meant = self._meant(event.text, final=event.final, asked=event.asked)
        if event.final:
            return self._final(event, meant, now)
        self._partials = True
        if event.item_id == self.item_id:
            self._text, self._asked_before = event.text, event.asked
            self._be_patient_again()
        if self._paused:
            return self._interrupt_with(event.item_id) if meant else self._wait_for_words()
        return []

    def _meant(self, text: str, *, final: bool, asked: bool) -> bool:
        return takes_floor(text, final=final, asked=asked) if self._reply == "heard" else has_words(text)

    def _be_patient_again(self) -> None:
        """More is known of whether the sentence is finished; the wait runs from the last voiced sample."""
        if self._commit_at is not None and self.detection is not None:
            self._commit_at = self._patient_until(self.detection)

    def _wait_for_words(self) -> list[Action]:
        if self._confirm_at is not None:
            self._confirm_at = max(self._confirm_at, self._onset + LONG_NOISE_S)
        return []

    def _final(self, event: Words, meant: bool, now: float) -> list[Action]:
        if self._pending.pop(event.item_id, None) is None:
            return []
        actions: list[Action] = []
        detection = self.detection
        if detection is not None and meant:
            if self._reply != "none" and detection.interrupt_response:
                actions += self._interrupt_with(event.item_id)
            self._owed = detection.create_response and event.item_id not in self._asked
        elif not self._pending and self.item_id is None:
            actions += self._resumed()
        return actions + self._answer_owed()

    def _answer_owed(self) -> list[Action]:
        """One answer when all is said: nobody speaks, every transcript is there and no other reply is in the way."""
        if not self._owed or self._pending or self.item_id is not None or self._reply != "none":
            return []
        self._owed, self._reply = False, "made"
        return [Answer()]

    # --- the reply ---

    def _interrupt_with(self, item_id: str) -> list[Action]:
        """Let the words of an item interrupt, but not the reply that was asked for as the answer to them."""
        if item_id not in self._asked:
            return self._interrupt()
        if self._reply == "heard":
            return self._interrupt(asked=True)
        return self._resumed() if self.item_id is None and not self._pending else []

    def _interrupt(self, *, asked: bool = False) -> list[Action]:
        if self._reply == "made" and self.detection is not None:
            self._owed = self.detection.create_response  # none of the answer was heard: it is still owed
        self._reply, self._paused, self._hinted = "made" if asked else "none", False, False
        self._confirm_at = self._resume_at = None
        return [Interrupt(self._onset, asked)]

    def _resumed(self) -> list[Action]:
        self._confirm_at = self._resume_at = None
        if not self._paused:
            return []
        self._paused = self._hinted = False
        return [Resume()]

    def _reply_made(self, event: ReplyMade, _now: float) -> list[Action]:
        self._nobody_at = None
        if event.asked:
            self._asked = set(self._pending)
        if self._reply == "none":
            self._reply = "made"
        return []

    def _reply_heard(self, _event: ReplyHeard, _now: float) -> list[Action]:
        self._reply = "heard"
        return []

    def _reply_over(self, _event: ReplyOver, now: float) -> list[Action]:
        was_heard, self._reply = self._reply == "heard", "none"
        timeout_ms = _idle_timeout_ms(self.detection)
        if was_heard and timeout_ms is not None and self.state == "idle":
            self._nobody_at = now + timeout_ms / 1000
        return [*self._resumed(), *self._answer_owed()]

    # --- time ---

    def _tick(self, _event: Tick, now: float) -> list[Action]:
        actions: list[Action] = []
        if _past(self._commit_at, now):
            actions += self._commit(now)
        if _past(self._confirm_at, now):
            actions += self._interrupt()
        if _past(self._resume_at, now):
            self._hints_from = now + HINT_REST_S if self._hinted else self._hints_from
            actions += self._resumed()
        for item_id in [item for item, wait in self._pending.items() if now >= wait]:
            actions += self._final(Words(item_id, "", final=True), False, now)
        if _past(self._nobody_at, now):
            self._nobody_at, self._reply = None, "made"
            actions.append(GiveUpWaiting())
        return actions


def _idle_timeout_ms(detection: TurnDetection | None) -> int | None:
    """The contract knows an idle timeout of ``server_vad`` only; ``semantic_vad`` waits for as long as it takes."""
    return detection.idle_timeout_ms if detection is not None and detection.kind == "server_vad" else None


def _past(wait: float | None, now: float) -> bool:
    return wait is not None and now >= wait


_HANDLERS: dict[type, Callable[[Turn, Any, float], list[Action]]] = {
    Hint: Turn._hint_heard,
    Onset: Turn._onset_heard,
    Offset: Turn._offset_heard,
    Words: Turn._words,
    Judged: Turn._judged,
    Committed: Turn._committed,
    ReplyMade: Turn._reply_made,
    ReplyHeard: Turn._reply_heard,
    ReplyOver: Turn._reply_over,
    Tick: Turn._tick,
}
