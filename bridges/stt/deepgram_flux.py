"""Deepgram's Flux (``/v2/listen``) for live speech. Pure.

Flux ends turns by itself, and a turn of ours may hold several of its own: they are joined. ``ForceEndTurn`` ends the last
one with ours; where none is open Flux says nothing to it. Source: Deepgram API reference, "Turn-based audio (Flux)", and
docs, "Understanding the Flux State Machine", "Force End Turn"; types of ``deepgram-sdk``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from bridges.codec import Garbled, Message
from bridges.stt.deepgram_listen import LATE_S, LITTLE_S, MAX_UNKNOWN, SOON_S, Plain
from bridges.stt.steps import Steps
from bridges.stt.written import Written
from bridges.tagged import Tagged
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial, Transcript

FORCE_END_TURN = '{"type":"ForceEndTurn"}'
STEP_MS = 80
"""What Deepgram recommends."""
KEEP_S = 0.1
"""Flux has no word that keeps a socket: it wants sound, also silent sound."""
_NO_CODE = "a text message that is none of Flux's"


class TurnInfo(Struct):
    """``TurnInfo``: ``transcript`` is all of Flux's turn so far; the window ends at ``audio_window_end`` s of the socket."""

    event: str
    audio_window_end: float
    transcript: str = ""
    languages: list[str] | None = None


class Fatal(Struct):
    """``Error``: the description may repeat what was sent, so only the code is used."""

    code: str = ""


READ = Tagged(
    {
        "Connected": Plain,
        "TurnInfo": TurnInfo,
        "Warning": Plain,
        "Error": Fatal,
        "ConfigureSuccess": Plain,
        "ConfigureFailure": Plain,
    },
    _NO_CODE,
)


class FluxCodec:
    """Satisfies :class:`bridges.stt.line.TurnCodec`; sound is PCM16 mono at ``rate`` Hz."""

    idle_s = 5.0

    def __init__(self, rate: int, language: str | None = None) -> None:
        self._steps = Steps(rate, STEP_MS)
        self._asked = language
        self._language = language
        self._written = Written()
        self._window_end = 0.0
        self._open = False
        self._finishing = self._forced = self.complete = self.ready = False
        self._clean = True
        self.unknown: Counter[str] = Counter()

    @property
    def clean(self) -> bool:
        """Whether no turn of Flux is open, and none can come of the sound it was sent."""
        return self._clean and not self._open

    def begin(self, prompt: str) -> None:
        """There is no word for what was said before."""
        self._written = Written()
        self._language = self._asked
        self._finishing = self._forced = self.complete = False

    def hear(self, pcm: bytes) -> Iterable[Message]:
        """Sound in binary frames."""
        self._clean = False
        return self._steps.feed(pcm)

    def pause(self) -> Sequence[Message]:
        """Flux looks for the end by itself."""
        return ()

    def resume(self) -> None:
        """Nothing was done."""

    def finish(self) -> Sequence[Message]:
        """End Flux's turn, if there is one."""
        self._finishing = True
        rest = self._steps.rest()
        return (rest, FORCE_END_TURN) if rest else (FORCE_END_TURN,)

    def settle(self, quiet_s: float) -> None:
        """No turn is open any more: Flux may have ended it just before, or nobody spoke."""
        over = not self._open and (self._covered or self._forced)
        if (over and quiet_s >= SOON_S) or (self._written.text and quiet_s >= LATE_S):
            self.complete = True
            self._clean = over and self._covered

    def transcript(self) -> Transcript:
        """Return the text so far."""
        return Transcript(self._written.text, language=self._language)

    def receive(self, message: Message) -> Partial | None:
        """Raises Garbled, BridgeError."""
        if isinstance(message, bytes):
            raise Garbled(_NO_CODE)
        name, read = READ.read(message)
        if isinstance(read, TurnInfo):
            return self._turn(read)
        if isinstance(read, Fatal):
            raise BridgeError("the recogniser failed", code="provider_error")
        if name == "Connected":
            self.ready = True
        if read is None:
            self.unknown[name if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        return None

    def idle(self) -> Sequence[Message]:
        """A little silence."""
        return (self._steps.silence(KEEP_S),)

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Nothing is documented."""
        return None

    @property
    def _covered(self) -> bool:
        return self._steps.sent_s - self._window_end <= LITTLE_S

    def _turn(self, told: TurnInfo) -> Partial | None:
        self._window_end = max(self._window_end, told.audio_window_end)
        if told.languages:
            self._language = told.languages[0]
        row = _ROWS.get(told.event)
        if row is None:
            self.unknown["TurnInfo"] += 1
            return None
        row(self, told)
        return self._written.partial()

    def _goes_on(self, told: TurnInfo) -> None:
        self._written.rest(told.transcript)
        self._open = self._open or bool(told.transcript)

    def _speaks(self, told: TurnInfo) -> None:
        self._written.ended = False
        self._goes_on(told)

    def _may_end(self, told: TurnInfo) -> None:
        self._written.ended = True
        self._goes_on(told)

    def _ended(self, told: TurnInfo) -> None:
        self._written.final(told.transcript)
        self._written.ended, self._open = True, False
        self._forced = self._finishing
        if self._finishing and self._covered:
            self.complete = self._clean = True


_ROWS = {
    "StartOfTurn": FluxCodec._speaks,
    "Update": FluxCodec._goes_on,
    "EagerEndOfTurn": FluxCodec._may_end,
    "TurnResumed": FluxCodec._speaks,
    "EndOfTurn": FluxCodec._ended,
}
