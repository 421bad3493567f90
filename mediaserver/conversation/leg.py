"""One provider's part of a call: its bridge, what is on the way to it, and the rates between it and the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mediaserver.audio.packets import Reader, Writer, duration_ms
from mediaserver.audio.resample import Resampler
from mediaserver.bridge import Bridge, Capabilities
from mediaserver.clock import FRAME_MS
from mediaserver.commands import Command
from mediaserver.conversation.outbox import Outbox
from mediaserver.events import AudioDelta, Event, Resumable, SpeechStarted, SpeechStopped


@dataclass(frozen=True, slots=True)
class Place:
    """One way out of a call's route: how its bridge is made, and by what name the record and the breakers know it.

    ``max_session_s``: the provider ends a session after so long.
    """

    name: str
    make: Callable[[], Bridge]
    provider: str = ""
    region: str = ""
    max_session_s: float | None = None


class Leg:
    """Satisfies :class:`mediaserver.conversation.outbox.Way`: resamples where the provider's rates are not the call's.

    A provider that takes Opus is given the packet a frame came in, and what has none is encoded. Packets of a provider are
    passed on when they are of 20 ms; from the first that is not on they are decoded.

    ``hear_rate`` and ``play_rate`` are the call's, in Hz. ``alive`` ends when another leg takes over: what comes later is
    no part of the conversation (its usage still is).
    """

    def __init__(self, number: int, place: Place, bridge: Bridge, hear_rate: int, play_rate: int) -> None:
        self.number = number
        self.place = place
        self.bridge = bridge
        self.alive = True
        self.resume: str | None = None
        self._lives_on = False
        theirs = bridge.capabilities
        self._in = Resampler(hear_rate, theirs.input_rate)
        self._out = Resampler(theirs.output_rate, play_rate)
        self._same_out = theirs.output_rate == play_rate
        self._writer = Writer(hear_rate) if theirs.input_codec == "opus" else None
        self._reader: Reader | None = None
        self._reads_at = theirs.output_rate
        self._rates = {"input_rate": hear_rate, "output_rate": play_rate}
        self.outbox = Outbox(self)

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do, at the call's rates."""
        return replace(self.bridge.capabilities, **self._rates)  # type: ignore[arg-type]  # both are rates

    def resumable(self, event: Resumable) -> None:
        """Take the handle under which another leg may go on with this session."""
        self.resume, self._lives_on = event.handle, event.live
        self.outbox.mark()

    @property
    def untold(self) -> frozenset[str]:
        """The items that the session, taken up again by ``resume``, does not know of those that were for this leg."""
        return self.outbox.waiting if self._lives_on else self.outbox.waiting | self.outbox.given

    def hear(self, pcm: bytes) -> None:
        """Take one frame at the call's rate."""
        if not self.alive:
            return
        self.bridge.hear(self._in.feed(pcm) if self._writer is None else self._writer.write(pcm))

    def send(self, command: Command) -> None:
        """Take a command. Raises Unsupported."""
        if self.alive:
            self.bridge.send(command)

    def heard(self, event: Event) -> Event:
        """Return an event of the bridge at the call's rate and on the call's clock: a provider counts from its own start."""
        if isinstance(event, SpeechStarted):
            return replace(event, audio_start_ms=event.audio_start_ms + self.outbox.start_ms)
        if isinstance(event, SpeechStopped):
            return replace(event, audio_end_ms=event.audio_end_ms + self.outbox.start_ms)
        if type(event) is not AudioDelta:
            return event
        if event.packets:
            event = self._passed(event)
        return event if self._same_out or event.packets else replace(event, pcm=self._out.feed(event.pcm))

    def _passed(self, event: AudioDelta) -> AudioDelta:
        if self._reader is None and all(duration_ms(packet) == FRAME_MS for packet in event.packets):
            return event
        self._reader = self._reader or Reader(self._reads_at)
        return replace(event, pcm=b"".join(map(self._reader.read, event.packets)), packets=())
