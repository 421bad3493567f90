"""ElevenLabs Scribe's realtime WebSocket with commits of our own. Pure.

A commit is answered by ``committed_transcript``, or by ``commit_throttled`` where less than 0.3 s of sound was waiting for
one; Scribe also commits by itself now and then. Source: ElevenLabs API reference, "Realtime speech to text", and the types
of the ``elevenlabs`` SDK.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridges.codec import Garbled, Message
from bridges.stt.steps import Steps
from bridges.stt.written import Written
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial, Transcript

STEP_MS = 100
LEAST_S = 0.35
"""What a commit has to hold; less is filled up with silence."""
LATE_S = 2.5
"""Silence of a living provider after a commit that will not be answered any more."""
MAX_UNKNOWN = 64

FAILURES: dict[str, tuple[str, bool]] = {
    "auth_error": ("unauthorized", False),
    "quota_exceeded": ("insufficient_quota", False),
    "unaccepted_terms": ("refused", False),
    "input_error": ("protocol_error", False),
    "invalid_request": ("invalid_request", False),
    "chunk_size_exceeded": ("protocol_error", False),
    "rate_limited": ("rate_limited", True),
    "queue_overflow": ("unavailable", True),
    "resource_exhausted": ("unavailable", True),
    "session_time_limit_exceeded": ("session_expired", True),
    "insufficient_audio_activity": ("session_expired", True),
    "transcriber_error": ("provider_error", True),
    "error": ("provider_error", True),
}
"""Our code, and whether another try can help; their texts may repeat what was sent and are not used."""

_KNOWN = frozenset(
    {
        "warning",
        "committed_transcript_with_timestamps",
        "committed_transcript_entities",
        "redacted_transcript",
        "edited_transcript",
    }
)
"""Of which nothing is used: they follow only from options that are not set."""


class Said(Struct):
    """Any message."""

    message_type: str
    text: str = ""


class Chunk(Struct, tag_field="message_type", tag="input_audio_chunk"):
    """Sound; an empty one with ``commit`` asks for the text."""

    audio_base_64: bytes
    commit: bool
    sample_rate: int
    previous_text: str | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(Said)
_ENCODER = msgspec.json.Encoder()


class ScribeCodec:
    """Satisfies :class:`bridges.stt.line.TurnCodec`; sound is PCM16 mono at ``rate`` Hz."""

    idle_s = 8.0

    def __init__(self, rate: int, language: str | None = None) -> None:
        self._rate = rate
        self._steps = Steps(rate, STEP_MS)
        self._language = language
        self._written = Written()
        self._prompt = ""
        self._committed_s = 0.0
        self._fresh = True
        self._finishing = self.complete = self.ready = False
        self._clean = True
        self.unknown: Counter[str] = Counter()

    @property
    def clean(self) -> bool:
        """Whether all that was sent has been committed, and no prompt told, which would hold for the next turn too."""
        return self._clean and not self._prompt

    def begin(self, prompt: str) -> None:
        """What was said before can be told with the first sound of a socket only."""
        self._written = Written()
        self._prompt = prompt
        self._finishing = self.complete = False

    def hear(self, pcm: bytes) -> Iterable[Message]:
        """Sound in base64."""
        self._clean = False
        return [self._chunk(piece) for piece in self._steps.feed(pcm)]

    def pause(self) -> Sequence[Message]:
        """A commit would end what Scribe knows of the sentence."""
        return ()

    def resume(self) -> None:
        """Nothing was done."""

    def finish(self) -> Sequence[Message]:
        """Commit."""
        self._finishing = True
        rest = self._steps.rest()
        missing = LEAST_S - (self._steps.sent_s - self._committed_s)
        rest += self._steps.silence(missing) if missing > 0 else b""
        return (*((self._chunk(rest),) if rest else ()), self._chunk(b"", commit=True))

    def settle(self, quiet_s: float) -> None:
        """Take what is there of a commit that was lost."""
        if quiet_s >= LATE_S and self._written.text:
            self.complete = True

    def transcript(self) -> Transcript:
        """Return the text so far."""
        return Transcript(self._written.text, language=self._language)

    def receive(self, message: Message) -> Partial | None:
        """Raises Garbled, BridgeError."""
        try:
            said = _DECODER.decode(message)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Garbled("a message that is none of Scribe's") from None
        row = _ROWS.get(said.message_type)
        if row is not None:
            return row(self, said)
        if said.message_type in FAILURES:
            code, retryable = FAILURES[said.message_type]
            raise BridgeError(f"the recogniser failed ({said.message_type})", code=code, retryable=retryable)
        if said.message_type not in _KNOWN:
            self.unknown[said.message_type if len(self.unknown) < MAX_UNKNOWN else "other"] += 1
        return None

    def idle(self) -> Sequence[Message]:
        """No sound at all counts as a sign of life."""
        return (self._chunk(b""),)

    def closed(self, code: int, reason: str) -> BridgeError | None:
        """Nothing is documented."""
        return None

    def _chunk(self, pcm: bytes, *, commit: bool = False) -> str:
        prompt, self._fresh = self._prompt if self._fresh else "", False
        return _ENCODER.encode(Chunk(pcm, commit, self._rate, prompt or UNSET)).decode()

    def _started(self, _said: Said) -> None:
        self.ready = True

    def _partial(self, said: Said) -> Partial:
        self._written.rest(said.text)
        self._clean = self._clean and not said.text
        return self._written.partial()

    def _committed(self, said: Said) -> Partial:
        self._written.final(said.text)
        self._committed_s = self._steps.sent_s
        return self._end()

    def _throttled(self, _said: Said) -> Partial:
        return self._end()

    def _end(self) -> Partial:
        if self._finishing:
            self.complete = self._clean = True
        return self._written.partial()


_ROWS = {
    "session_started": ScribeCodec._started,
    "partial_transcript": ScribeCodec._partial,
    "committed_transcript": ScribeCodec._committed,
    "commit_throttled": ScribeCodec._throttled,
}
