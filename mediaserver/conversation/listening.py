"""The way from the microphone to the bridge: edges of speech, padding, and the frames of the caller's turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mediaserver.audio.echo import EchoGuard
from mediaserver.audio.hints import LONGEST_DOUBT_MS, Hint, Hints
from mediaserver.audio.inbound import Edge, Edges, Inbound, Offset, Onset, Padding
from mediaserver.audio.levels import SILENCE_DB
from mediaserver.audio.likeness import ALIKE, WINDOW_MS, likeness
from mediaserver.audio.prosody import LOOK_MS, prosody
from mediaserver.audio.vad import MakeVoice, VoiceDetector, WebRtcVoice
from mediaserver.clock import FRAME_MS
from mediaserver.commands import BeginSpeech, DropSpeech, EndSpeech
from mediaserver.conversation.endpoint import QUIET_MS
from mediaserver.conversation.outbox import Outbox
from mediaserver.settings import TurnDetection

MANUAL_KEPT_MS = 15000
MANUAL_PADDING_MS = 1000
SHORTEST_COMMIT_MS = 100

Lately = Callable[[int], bytes | None]


class Listening:
    """Hears every frame of the caller; tells the bridge what belongs to a turn (``hears="speech"``), or all of it.

    With turn detection, a turn is opened and closed by the session. Without (push-to-talk), everything since the last clear
    or commit belongs to the next commit: it is sent on from its first voice, or at the commit when no voice was found in it
    (15 s of it at most).

    ``lately`` returns the last milliseconds of our own sound as it left, PCM16 at ``play_rate``, or ``None`` when that is
    not known; with it there are hints of a voice before it is certain.
    """

    def __init__(
        self,
        rate: int,
        detection: TurnDetection | None,
        outbox: Outbox,
        *,
        always: bool = False,
        make_voice: MakeVoice = WebRtcVoice,
        lately: Lately | None = None,
        play_rate: int = 0,
    ) -> None:
        self.item_id: str | None = None
        self.guard = EchoGuard()
        self._rate = rate
        self._outbox = outbox
        self._always = always
        self._lately = lately
        self._play_rate = play_rate
        self._hints = Hints()
        self._likely: Hint | None = None  # the last one that was told ...
        self._likely_until_ms = 0  # ... and when it has come to nothing
        self._make_voice = make_voice
        self._detection = detection
        self._uncommitted_ms = 0
        self._inbound = Inbound(*self._tuning())
        self._inbound.clock_ms = self._inbound.last_voiced_ms = outbox.start_ms
        self._padding = self._make_padding()
        self._latest = Padding(LOOK_MS + QUIET_MS)

    @property
    def clock_ms(self) -> int:
        """Milliseconds of sound heard so far."""
        return self._inbound.clock_ms

    @property
    def last_voiced_ms(self) -> int:
        """Where on the clock the last voiced sample was."""
        return self._inbound.last_voiced_ms

    @property
    def voiced_now(self) -> bool:
        """The last frame was voice."""
        return self._inbound.last_voiced_ms == self._inbound.clock_ms

    @property
    def speaking(self) -> bool:
        """Between an onset and its offset."""
        return self._inbound.speaking

    @property
    def committable(self) -> bool:
        """Enough sound for a commit by the client."""
        return self.item_id is not None or self._uncommitted_ms >= SHORTEST_COMMIT_MS

    def configure(self, detection: TurnDetection | None) -> None:
        """Put other settings in force; sound that waits for a commit by hand is dropped when detection takes over."""
        if detection == self._detection:
            return
        if (self._detection is None) != (detection is None):
            self.clear()
        self._detection = detection
        self._inbound.retune(*self._tuning())
        self._padding = self._make_padding()

    def hear(self, pcm: bytes, played: float = SILENCE_DB) -> Edge | Hint | None:
        """Take one frame while sound of this level (dBFS) leaves; return the edge of speech it makes certain, if any.

        Without one there may be a hint.
        """
        inbound = self._inbound
        gate = self.guard.feed(played, inbound.level, inbound.floor)
        edge = inbound.feed(pcm, guard_db=gate)
        if self._always:
            self._outbox.hear(pcm)
        else:
            self._latest.push(pcm)
            (self._padding.push if self.item_id is None else self._outbox.hear)(pcm)
        self._uncommitted_ms += FRAME_MS
        if isinstance(edge, Offset):
            return self._looked_at(edge)
        return self._since_hint(edge) if edge is not None else self._hint(guarded=gate > SILENCE_DB)

    def _hint(self, *, guarded: bool) -> Hint | None:
        """Say that somebody may be speaking into our sound, as soon as there is reason to think so."""
        inbound = self._inbound
        if self._lately is None or inbound.speaking or self.guard.idle:
            return None
        hint = self._hints.feed(
            inbound.clock_ms, above_echo=self.voiced_now, above_room=inbound.above_room, guarded=guarded
        )
        if hint is None or (hint.ours and self._may_be_ours(self._lately)):
            return None
        self._likely, self._likely_until_ms = hint, inbound.clock_ms + hint.hold_ms
        return hint

    def _may_be_ours(self, lately: Lately) -> bool:
        """Say whether what is heard may be our own sound: of a line that we know the guard has said all there is to say."""
        played = lately(EchoGuard.TAIL_MS + WINDOW_MS) if self.guard.loss_db is None else None
        if played is None:
            return True
        per_ms = self._play_rate // 1000 * 2
        # The frame that was heard ends one frame after the one that left before it.
        back = played[: max(0, len(played) - (EchoGuard.NEAREST_MS - FRAME_MS) * per_ms)]
        heard = b"".join(self._latest.last(WINDOW_MS))
        noise_db = self._inbound.floor - self._inbound.level
        return likeness(bytes(WINDOW_MS * per_ms) + back, self._play_rate, heard, self._rate, noise_db) >= ALIKE

    def _since_hint(self, edge: Onset) -> Onset:
        """Let speech begin where it was likely first: what made it certain may be a later part of it."""
        likely, self._likely = self._likely, None
        if likely is None or self.clock_ms > self._likely_until_ms:
            return edge
        return replace(edge, start_ms=min(edge.start_ms, likely.start_ms))

    def _looked_at(self, edge: Offset) -> Offset:
        """Add how the voice sounded at its end, where that decides whether it was the end."""
        if self._detection is None or self._detection.kind != "semantic_vad" or self._always:
            return edge
        frames = self._latest.take()
        voiced = frames[: max(0, len(frames) - (self.clock_ms - edge.end_ms) // FRAME_MS)]
        return replace(edge, prosody=prosody(b"".join(voiced), self._rate))

    def begin(self, item_id: str, start_ms: int) -> int:
        """Open a turn whose first voice was at ``start_ms``; return where its sound starts, with the padding."""
        self.item_id = item_id
        before_ms = self.clock_ms - start_ms + self._prefix_ms
        frames = self._padding.take()[-max(1, before_ms // FRAME_MS) :]
        if not self._always:
            self._outbox.send(BeginSpeech(item_id=item_id))
            for frame in frames:
                self._outbox.hear(frame)
        return self.clock_ms - len(frames) * FRAME_MS

    def begin_manual(self, edge: Edge | Hint | None, item_id: str) -> None:
        """Open the turn of push-to-talk at its first voice, with what was said just before."""
        if not isinstance(edge, Onset) or self.item_id is not None:
            return
        self.begin(item_id, edge.start_ms)

    def end(self, item_id: str) -> None:
        """The turn is complete; one that was never opened is what was kept."""
        if self.item_id is None:
            self.begin(item_id, max(0, self.clock_ms - self._uncommitted_ms))
        if not self._always:
            self._outbox.send(EndSpeech(item_id=item_id))
        self._closed()

    def clear(self) -> None:
        """Forget everything that is not committed."""
        if self.item_id is not None and not self._always:
            self._outbox.send(DropSpeech(item_id=self.item_id))
        self._padding.take()
        self._inbound.reset()
        self._closed()

    def _closed(self) -> None:
        self.item_id = None
        self._uncommitted_ms = 0

    @property
    def _prefix_ms(self) -> int:
        return MANUAL_PADDING_MS if self._detection is None else self._detection.prefix_padding_ms

    def _tuning(self) -> tuple[VoiceDetector, Edges]:
        detection = self._detection or TurnDetection()
        silence_ms = QUIET_MS if detection.kind == "semantic_vad" else max(FRAME_MS, detection.silence_duration_ms)
        return self._make_voice(self._rate, detection.threshold), Edges(silence_ms=silence_ms)

    def _make_padding(self) -> Padding:
        if self._detection is None:
            return Padding(MANUAL_KEPT_MS)
        return Padding(min(MANUAL_KEPT_MS, self._detection.prefix_padding_ms + LONGEST_DOUBT_MS))
