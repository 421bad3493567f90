"""The playout ledger: which words of a reply really left. Pure.

A reply is written faster than it is spoken and spoken faster than it is heard. For each item we keep what was written, where
the sound of each clause lies, and for a number of milliseconds played we say which text was heard and which was not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from mediaserver.audio.letters import letters, place_of
from mediaserver.audio.levels import Envelope
from mediaserver.audio.packets import Packet, ready
from mediaserver.clock import FRAME_MS
from mediaserver.events import AudioDelta, WordTime
from mediaserver.remember import remember

_LOUD = 50  # dB below full scale: quieter than this is a pause, in which no letters are spoken
_MS_PER_LETTER = 57.0  # of speech without its pauses, until the voice has shown its own

_PACES = (35.0, 110.0)  # milliseconds per character within which somebody may speak


@dataclass(frozen=True, slots=True)
class Cut:
    """A reply cut at some moment: ``text`` was heard, ``unheard`` was not; ``estimated``: word times were a guess."""

    played_ms: int
    text: str
    unheard: str
    estimated: bool


@dataclass(slots=True)
class _Clause:
    text: str
    start_ms: int
    words: list[WordTime] = field(default_factory=list)


class Script:
    """One item's text against its sound.

    ``write`` and ``sound`` come in any order and interleaving. Sound that carries no text mark belongs to the clause before
    it; sound without any mark at all is one clause that holds the whole text.
    """

    def __init__(self, rate: int) -> None:
        self.text = ""
        self.envelope = Envelope(rate)
        self._rate = rate
        self._bytes = 0
        self._clauses: list[_Clause] = []
        self._complete = False
        self._in_step: tuple[int, int] | None = (
            None  # where the sound was when the last text came, and the text before it
        )

    @property
    def sound_ms(self) -> int:
        """Milliseconds of sound so far."""
        return self._bytes * 1000 // (2 * self._rate)

    def write(self, text: str) -> None:
        """Take more of what is written."""
        if self._bytes:
            self._in_step = self.sound_ms, len(self.text)
        self.text += text

    def rewrite(self, text: str) -> None:
        """Take the whole of what is written, in place of the pieces."""
        self.text = text

    def sound(self, pcm: bytes, text: str = "", words: tuple[WordTime, ...] = ()) -> None:
        """Take more sound (PCM16 mono); ``text`` begins with it; ``words`` lie anywhere in the item, in its own time."""
        self._mark(text, words)
        self._bytes += len(pcm)
        self.envelope.feed(pcm)

    def delta(self, event: AudioDelta) -> list[Packet]:
        """Take more sound as a bridge gives it; return its packets with their levels, none of PCM."""
        packets = [ready(packet) for packet in event.packets]
        if packets:
            self.packets(packets, event.text, event.words)
        else:
            self.sound(event.pcm, event.text, event.words)
        return packets

    def packets(self, packets: Sequence[Packet], text: str = "", words: tuple[WordTime, ...] = ()) -> None:
        """Take more sound that is Opus already, the same way."""
        self._mark(text, words)
        self._bytes += len(packets) * self._rate * FRAME_MS // 1000 * 2
        for packet in packets:
            self.envelope.add(packet.level)

    def complete(self) -> None:
        """No more sound comes: the length of the last clause is known."""
        self._complete = True

    def at(self, played_ms: int) -> Cut:
        """Say what was heard when ``played_ms`` of the sound had left."""
        if self._complete and played_ms >= self.sound_ms - FRAME_MS:
            return Cut(played_ms, self.written, "", estimated=False)
        place, estimated = self._place(played_ms)
        return Cut(played_ms, self.written[:place].rstrip(), self.written[place:].lstrip(), estimated)

    def covered(self) -> str:
        """Return the words whose sound is here so far; rather one too many than one too few, so that none is said twice.

        Where text has come in step with its sound (at the pace of speech) that says more than the letters do.
        """
        if self._complete:
            return self.written
        place, _ = self._place(self.sound_ms)
        if self._in_step is not None:
            ms, characters = self._in_step
            if characters and _PACES[0] <= ms / characters <= _PACES[1]:
                place = max(place, _end_of_word(self.written, characters + (self.sound_ms - ms) * characters / ms))
        return self.written[:place].rstrip()

    @property
    def written(self) -> str:
        """The whole text; of a voice that writes nothing but marks its clauses, the clauses."""
        return self.text or " ".join(clause.text.strip() for clause in self._clauses)

    # --- where in the text ---

    def _mark(self, text: str, words: tuple[WordTime, ...]) -> None:
        if text:
            self._clauses.append(_Clause(text, self.sound_ms))
        if words:
            self._current().words.extend(words)

    def _current(self) -> _Clause:
        if not self._clauses:
            self._clauses.append(_Clause("", 0))
        return self._clauses[-1]

    def _place(self, played_ms: int) -> tuple[int, bool]:
        """Return the index into the text up to which it was heard, and whether that is a guess."""
        clauses = self._clauses or [_Clause("", 0)]
        spans = self._spans(clauses)
        for number, (clause, (start, end)) in enumerate(zip(clauses, spans, strict=True)):
            until = clauses[number + 1].start_ms if number + 1 < len(clauses) else None
            if until is None or played_ms < until:
                return self._within(clause, start, end, until, played_ms)
        return len(self.written), False

    def _spans(self, clauses: list[_Clause]) -> list[tuple[int, int]]:
        """Find the clauses in the text, in order; the text between two belongs to the one before."""
        starts, position = [], 0
        for clause in clauses:
            found = self.written.find(clause.text.strip(), position)
            starts.append(found if found >= 0 else position)
            position = starts[-1] + (len(clause.text.strip()) if found >= 0 else 0)
        last = len(self.written) if not clauses[-1].text or self._complete else max(position, starts[-1])
        return list(zip(starts, [*starts[1:], last], strict=True))

    def _within(self, clause: _Clause, start: int, end: int, until: int | None, played_ms: int) -> tuple[int, bool]:
        if clause.words:
            return self._by_words(clause.words, start, end, played_ms), False
        text = self.written[start:end]
        spoken, whole = self._speech_ms(clause.start_ms, played_ms), self._length_ms(clause, text, until)
        if spoken <= 0 or whole <= 0 or not text.strip():
            return start, True
        return start + _end_of_word(text, place_of(text, letters(text) * min(1.0, spoken / whole))), True

    def _by_words(self, times: list[WordTime], start: int, end: int, played_ms: int) -> int:
        """A word is heard when half of it was."""
        position = start
        for word in times:
            if (word.start_ms + word.end_ms) / 2 > played_ms:
                break
            found = self.written.find(word.text.strip(), position, end)
            position = position if found < 0 else found + len(word.text.strip())
        else:
            return end if self._complete else position
        return _over_punctuation(self.written, position, end)

    def _length_ms(self, clause: _Clause, text: str, until: int | None) -> float:
        """Return the speech in a clause; of one whose sound is still being made, no less than its letters need."""
        if until is not None:
            return self._speech_ms(clause.start_ms, until)
        so_far = self._speech_ms(clause.start_ms, self.sound_ms)
        return so_far if self._complete else max(so_far, letters(text) * self._pace(clause))

    def _pace(self, unfinished: _Clause) -> float:
        """Milliseconds per letter as this voice has spoken so far."""
        ms = self._speech_ms(0, unfinished.start_ms)
        spoken = sum(letters(clause.text) for clause in self._clauses if clause is not unfinished)
        return ms / spoken if ms > 0 and spoken >= 8 else _MS_PER_LETTER

    def _speech_ms(self, start_ms: int, end_ms: int) -> float:
        """Milliseconds in which something is heard: pauses carry no letters."""
        levels = self.envelope.levels[start_ms // FRAME_MS : -(-end_ms // FRAME_MS)]
        return float(sum(level < _LOUD for level in levels) * FRAME_MS)


class Ledger:
    """The scripts of the last replies, by item; the oldest is forgotten beyond ``keep``."""

    def __init__(self, rate: int, keep: int = 16) -> None:
        self._rate = rate
        self._keep = keep
        self._scripts: dict[str, Script] = {}

    def script(self, item_id: str) -> Script:
        """Return the item's script, a new one for a new item."""
        script = self._scripts.get(item_id)
        if script is None:
            script = Script(self._rate)
            remember(self._scripts, item_id, script, self._keep)
        return script

    def find(self, item_id: str) -> Script | None:
        """Return the item's script, ``None`` when there is none (any more)."""
        return self._scripts.get(item_id)


def _end_of_word(text: str, place: float) -> int:
    """Return the word boundary nearest to a place in the text."""
    ends = [0, *(i for i in range(1, len(text)) if text[i].isspace() and not text[i - 1].isspace()), len(text)]
    right = bisect_left(ends, place)
    if right == 0:
        return 0
    left = right - 1
    return ends[right] if right < len(ends) and ends[right] - place < place - ends[left] else ends[left]


def _over_punctuation(text: str, position: int, end: int) -> int:
    while position < end and not text[position].isspace() and not text[position].isalnum():
        position += 1
    return position
