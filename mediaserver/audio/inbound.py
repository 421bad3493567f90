"""The caller's sound as it comes in: when does speech start, when does it stop. Pure: frames in, edges out.

Nothing here waits or knows the time of day: the clock is the sound itself, in milliseconds since its first sample.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mediaserver.audio.levels import SILENCE_DB, NoiseFloor, dbfs, is_silent
from mediaserver.audio.prosody import Prosody
from mediaserver.audio.vad import VoiceDetector
from mediaserver.clock import FRAME_MS


@dataclass(frozen=True, slots=True)
class Onset:
    """Speech began; ``start_ms`` is its first voiced sample on the audio clock, without padding."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class Offset:
    """Speech stopped; ``end_ms`` is its last voiced sample, ``voiced_ms`` how much of it was voice.

    ``prosody``: how it sounded at its end, where somebody looked. ``above_room_db``: how far the loudest of it stood above
    the noise of the room.
    """

    end_ms: int
    voiced_ms: int
    prosody: Prosody | None = None
    above_room_db: float = field(default=-SILENCE_DB, compare=False)


Edge = Onset | Offset


@dataclass(frozen=True, slots=True)
class Edges:
    """How sure we must be. Milliseconds.

    Speech has begun when ``start_ms`` of the last ``window_ms`` were voiced (``guarded_start_ms`` of ``guarded_window_ms``
    while our own voice may be what the microphone hears), and has stopped after ``silence_ms`` without voice.
    ``margin_db`` is how far above the floor of noise a voice must be, ``quietest_db`` the least level of all.
    """

    start_ms: int = 60
    window_ms: int = 100
    guarded_start_ms: int = 140
    guarded_window_ms: int = 220
    silence_ms: int = 500
    margin_db: float = 6.0
    quietest_db: float = -55.0


class Inbound:
    """Finds the edges of speech in 20 ms frames.

    A frame counts as voice when it is louder than the noise of the room by a margin, louder than what the echo guard asks
    for, and the detector hears a voice in it. The detector keeps saying "voice" for some frames after the end (its
    hangover); those are quieter than the speech before them by ``_HANGOVER_DB`` and are not counted, so that the last voiced
    sample is the end of the last word and the waiting time starts there.
    """

    _HANGOVER_DB = 30.0
    _INAUDIBLE_DB = 5.0  # so far below the quietest voice there is no noise either that a detector had to know

    def __init__(self, voice: VoiceDetector, edges: Edges) -> None:
        self.edges = edges
        self.clock_ms = 0
        self.last_voiced_ms = 0
        self.speaking = False
        self.level = SILENCE_DB
        self.above_room = False  # the last frame was a voice, or an echo of ours
        self._voice = voice
        self._floor = NoiseFloor()
        self._recent: deque[bool] = deque(maxlen=max(edges.window_ms, edges.guarded_window_ms) // FRAME_MS)
        self._voiced_ms = 0
        self._loud = SILENCE_DB

    @property
    def floor(self) -> float:
        """The level of the room in dBFS."""
        return self._floor.level

    def retune(self, voice: VoiceDetector, edges: Edges) -> None:
        """Go on with another detector and other times; what was heard stays heard."""
        self._voice, self.edges = voice, edges

    def feed(self, pcm: bytes, *, guard_db: float = SILENCE_DB) -> Edge | None:
        """Take one frame; ``guard_db`` is the level that a voice must exceed while our own reply may echo.

        Returns the edge that this frame makes certain, if any.
        """
        if is_silent(pcm):
            self.level, self.above_room, voiced = SILENCE_DB, False, False
            self._floor.feed(SILENCE_DB)
        else:
            voiced = self._is_voice(pcm, guard_db)
        self.clock_ms += FRAME_MS
        self._recent.append(voiced)
        if voiced:
            self.last_voiced_ms = self.clock_ms
        return self._while_speaking(voiced) if self.speaking else self._while_silent(voiced, guard_db > SILENCE_DB)

    def reset(self) -> None:
        """Forget the speech that is going on: no offset follows."""
        self.speaking = False
        self._recent.clear()

    def _is_voice(self, pcm: bytes, guard_db: float) -> bool:
        self.level = level = dbfs(pcm)
        floor = self._floor.feed(level)
        self.above_room = False
        if level < self.edges.quietest_db - self._INAUDIBLE_DB:
            return False
        heard = self._voice.voiced(pcm)  # asked of every other frame: it follows the noise by itself
        gate = max(floor + self.edges.margin_db, self.edges.quietest_db)
        if self.speaking:
            self._loud = max(self._loud - 0.1, level)
            gate = max(gate, self._loud - self._HANGOVER_DB)
        self.above_room = heard and level > gate
        return self.above_room and level > guard_db

    def _while_silent(self, voiced: bool, guarded: bool) -> Onset | None:
        if not voiced:
            return None
        edges = self.edges
        need, window = (
            (edges.guarded_start_ms, edges.guarded_window_ms) if guarded else (edges.start_ms, edges.window_ms)
        )
        frames = list(self._recent)[-(window // FRAME_MS) :]
        voiced_ms = sum(frames) * FRAME_MS
        if voiced_ms < need:
            return None
        self.speaking, self._voiced_ms, self._loud = True, voiced_ms, self.level
        return Onset(self.clock_ms - (len(frames) - frames.index(True)) * FRAME_MS)

    def _while_speaking(self, voiced: bool) -> Offset | None:
        if voiced:
            self._voiced_ms += FRAME_MS
            return None
        if self.clock_ms - self.last_voiced_ms < self.edges.silence_ms:
            return None
        self.speaking = False
        self._recent.clear()
        return Offset(self.last_voiced_ms, self._voiced_ms, above_room_db=self._loud - self._floor.level)


class Padding:
    """The last frames before speech was certain: the start of the first word is in them."""

    def __init__(self, ms: int) -> None:
        self._frames: deque[bytes] = deque(maxlen=max(1, ms // FRAME_MS))

    @property
    def ms(self) -> int:
        """How much is kept."""
        return len(self._frames) * FRAME_MS

    def push(self, pcm: bytes) -> None:
        """Keep one frame; the oldest goes when there is no room."""
        self._frames.append(pcm)

    def last(self, ms: int) -> list[bytes]:
        """Return the newest frames of so many milliseconds, oldest first, and keep them."""
        return list(self._frames)[-max(1, ms // FRAME_MS) :]

    def take(self) -> list[bytes]:
        """Return all frames, oldest first, and keep none."""
        frames = list(self._frames)
        self._frames.clear()
        return frames
