"""From decrypted RTP to exact 20 ms frames of PCM: order, concealment, time. Pure; plain calls only.

The stream has one time base, its timestamps. Whatever happens each slot of it is delivered once: decoded (from the copy in a
later packet if need be, RFC 2198), recovered from the next packet's FEC, concealed, or as silence. When nothing comes (DTX,
a muted microphone, a hole in the network), :meth:`AudioReceiver.tick` goes on with silence in real time, so that whoever
measures pauses by frames sees them pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aiortc.rtp import RtcpReceiverInfo, RtcpSrPacket

from mediaserver.audio.packets import Coded
from mediaserver.audio.pcm import rms
from mediaserver.clock import FRAME_MS, FRAME_S
from mediaserver.errors import MediaError
from mediaserver.events import DigitPressed
from mediaserver.rtc import redundancy, rtp
from mediaserver.rtc.codecs import Agreed, Codec
from mediaserver.rtc.formats import DECODERS, Decoder
from mediaserver.rtc.jitter import Copy, JitterBuffer, Lost
from mediaserver.rtc.redundancy import Block
from mediaserver.rtc.rtcp import Reception
from mediaserver.rtc.rtp import Packet
from mediaserver.rtc.telephone_event import TelephoneEvents

PATIENCE = 0.1
"""Seconds without a packet, at least, before :meth:`AudioReceiver.tick` fills in; later packets for those slots are late."""

FADING = 3
"""Frames filled in by concealment, which fades, before plain silence."""

RESYNC = 1.0
"""Seconds that timestamps may jump ahead and still be a pause to fill; beyond, or far back, the time base begins anew."""

RESYNC_BACK = 0.4

SILENT_STREAM = 0.2
"""Seconds after which another SSRC may take the place of one that has gone quiet."""

MOST_FILLED = 3
"""Frames that one tick makes up for when ticks come late."""

_NO_COPIES: Sequence[Block] = ()

_DTX_BYTES = 2

_QUIET = 104
"""RMS, -50 dBFS: where so soft a frame was the last one, the caller's encoder has stopped (DTX), not the network."""


@dataclass(slots=True)
class ReceiverStats:
    """Counts of packets, but ``concealed``, ``silent`` and ``delivered`` of 20 ms frames (10 ms packets: of packets).

    ``lost`` did not come in time, nor did a copy; ``recovered`` came as a copy (``copied`` of them) or from FEC.
    """

    received: int = 0
    lost: int = 0
    recovered: int = 0
    copied: int = 0
    concealed: int = 0
    silent: int = 0
    late: int = 0
    duplicate: int = 0
    malformed: int = 0
    undecodable: int = 0
    unknown: int = 0
    streams: int = 0
    delivered: int = 0
    jitter_ms: float = 0.0
    target_ms: float = 0.0


class _Stream:
    """One SSRC."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.buffer = JitterBuffer()
        self.reception = Reception(ssrc, clock_rate)
        self.heard = 0.0


class AudioReceiver:
    """The ear of one call: ``deliver(pcm, at)`` gets each 20 ms frame at ``rate`` Hz, ``digit`` each telephone key.

    ``keep``: a frame that came in an Opus packet of its own is delivered with it, as ``Coded``.

    Hostile packets are counted and never raise. :meth:`close` frees the decoders.
    """

    def __init__(
        self,
        agreed: Agreed,
        rate: int,
        deliver: Callable[[bytes, float], None],
        digit: Callable[[DigitPressed], None],
        *,
        keep: bool = False,
    ) -> None:
        self.level: int | None = None
        """What the client says about its loudness (RFC 6464), in dBov, of the last packet that said it."""
        self._keep = keep
        self._rate = rate
        self._deliver = deliver
        self._digit = digit
        self._frame = rate * FRAME_MS // 1000 * 2
        self._silence = bytes(self._frame)
        self._counts = ReceiverStats()
        self._stream: _Stream | None = None
        self._candidate: tuple[int, int] | None = None
        self._decoders: dict[int, Decoder] = {}
        self._rest = b""
        self._clock = 0
        self._next: int | None = None
        self._duration_ms = FRAME_MS
        self._current: Decoder | None = None
        self._quiet = False
        self._filled = 0
        self._fill_at: float | None = None
        self._adopt(agreed)

    @property
    def stats(self) -> ReceiverStats:
        """A copy of the counts, with the state of the jitter buffer."""
        stats = replace(self._counts)
        if self._stream is not None:
            buffer, reception = self._stream.buffer, self._stream.reception
            stats.late += buffer.late
            stats.duplicate += buffer.duplicate
            stats.jitter_ms = reception.jitter * 1000 / reception.clock_rate
            stats.target_ms = buffer.target * 1000
        return stats

    def renew(self, agreed: Agreed) -> None:
        """Go on after a re-offer: the stream stays, decoders are made anew."""
        self.close()
        self._adopt(agreed)

    def close(self) -> None:
        """Free the decoders; idempotent. A packet after it makes new ones."""
        for decoder in self._decoders.values():
            decoder.close()
        self._decoders.clear()
        self._current = None

    @property
    def ssrc(self) -> int | None:
        """The SSRC of the client's stream, None before its first packet."""
        return self._stream.reception.ssrc if self._stream is not None else None

    def news(self, packet: bytes) -> bool:
        """Say whether a decrypted packet, not taken yet, is beyond all of its stream, or of another one."""
        if self._stream is None or int.from_bytes(packet[8:12], "big") != self._stream.reception.ssrc:
            return True
        return self._stream.reception.ahead(int.from_bytes(packet[2:4], "big"))

    def rtp(self, packet: bytes, now: float) -> None:
        """Take a decrypted packet that arrived at ``now``."""
        parsed = rtp.parse(packet)
        if parsed is None or not parsed.payload:
            self._counts.malformed += 1
            return
        clock_rate, copies = self._clocks.get(parsed.payload_type), _NO_COPIES
        if clock_rate is None:
            unfolded = self._unfold(parsed)
            if unfolded is None:
                return
            parsed, copies = unfolded
            clock_rate = self._clocks[parsed.payload_type]
        stream = self._stream
        if stream is None or stream.reception.ssrc != parsed.ssrc:
            stream = self._other_stream(parsed, now)
            if stream is None:
                return
        stream.heard = now
        if copies:
            self._mend(stream, parsed, copies)
        number = stream.buffer.push(parsed, now, clock_rate)
        if number is None:
            return
        self._counts.received += 1
        stream.reception.heard(number, parsed.timestamp if clock_rate else None, now)
        if self._level_id is not None and parsed.extensions:
            self.level = rtp.level(parsed, self._level_id)
        self._drain(stream, now)

    def _unfold(self, packet: Packet) -> tuple[Packet, Sequence[Block]] | None:
        """Return the packet as it would be without its copies, and those; None, counted, for what was not agreed."""
        if packet.payload_type != self._redundancy:
            self._counts.unknown += 1
            return None
        blocks = redundancy.parse(packet.payload)
        if blocks is None:
            self._counts.malformed += 1
            return None
        *copies, own = blocks
        if own.payload_type not in self._codecs:
            self._counts.unknown += 1
            return None
        return packet._replace(payload_type=own.payload_type, payload=own.payload), copies

    def _mend(self, stream: _Stream, packet: Packet, copies: Sequence[Block]) -> None:
        for kind, offset, payload in copies:
            filed = payload and kind in self._codecs and stream.buffer.mend(packet, offset, kind, payload)
            if filed and self._ahead(packet.timestamp - offset) >= 0:
                self._counts.recovered += 1
                self._counts.copied += 1

    def tick(self, now: float) -> float | None:
        """Give up what is overdue and let time pass when nothing comes; called each 20 ms.

        Returns, once, when a pause that has begun goes on: the next 20 ms of it have passed then.
        """
        if self._events is not None:
            self._events.lapse(now)
        if self._stream is None:
            return None
        if self._stream.buffer.held:
            self._drain(self._stream, now)
        if self._fill_at is None or now < self._fill_at or self._stream.buffer.held:
            return None
        first = not self._filled
        behind = int((now - self._fill_at) / FRAME_S) + 1
        self._fill_at += behind * FRAME_S
        if self._quiet and first:
            # It was a pause from its first frame on: whoever measures it is told at once. A packet that comes yet is played.
            behind += int(self._patience() / FRAME_S) - 1
        for _ in range(min(behind, MOST_FILLED)):
            self._fill(now)
        return self._fill_at if first else None

    def sender_report(self, report: RtcpSrPacket, now: float) -> None:
        """Take the client's report on its own stream."""
        if self._stream is not None and report.ssrc == self._stream.reception.ssrc:
            self._stream.reception.sender_report(report.sender_info.ntp_timestamp, now)

    def report_block(self, now: float) -> RtcpReceiverInfo | None:
        """Return our report on the client's stream since the last call, None before its first packet."""
        return self._stream.reception.block(now) if self._stream is not None else None

    # --- which stream -------------------------------------------------------------------------------------------------

    def _adopt(self, agreed: Agreed) -> None:
        events = agreed.telephone_event
        self._codecs = {kind: codec for kind, codec in agreed.codecs.items() if codec.name in DECODERS}
        self._redundancy = agreed.redundancy.payload_type if agreed.redundancy is not None else None
        self._event_types = {kind for kind, codec in agreed.codecs.items() if codec.name == "telephone-event"}
        if events is not None:
            self._event_types.add(events.payload_type)
        self._clocks = {kind: codec.clock_rate for kind, codec in self._codecs.items()} | dict.fromkeys(
            self._event_types, 0
        )
        self._events = TelephoneEvents(events.clock_rate, self._digit) if events is not None else None
        self._level_id = agreed.level_id
        self._announced = agreed.remote_ssrc

    def _other_stream(self, packet: Packet, now: float) -> _Stream | None:
        """Follow a client to a new SSRC: at once to the announced one, else when the old is quiet and two packets agree."""
        if self._stream is not None and packet.ssrc != self._announced:
            again = self._candidate == (packet.ssrc, packet.sequence)
            self._candidate = (packet.ssrc, packet.sequence + 1 & 0xFFFF)
            if not again or now - self._stream.heard < SILENT_STREAM:
                self._counts.unknown += 1
                return None
        if self._stream is not None:
            self._counts.late += self._stream.buffer.late
            self._counts.duplicate += self._stream.buffer.duplicate
        if packet.ssrc == self._announced:
            self._announced = None
        self._candidate = None
        self._counts.streams += 1
        self._stream = _Stream(packet.ssrc, self._clocks[packet.payload_type] or 8000)
        self._next = None
        return self._stream

    # --- what comes out of the jitter buffer --------------------------------------------------------------------------

    def _drain(self, stream: _Stream, now: float) -> None:
        while (found := stream.buffer.pop(now)) is not None:
            if isinstance(found, Packet):
                self._play(found, now)
            else:
                self._lose(found, now)

    def _play(self, packet: Packet, now: float) -> None:
        codec = self._codecs.get(packet.payload_type)
        if codec is None:
            if self._events is not None:
                self._events.feed(packet.timestamp, packet.payload, now)
            return
        decoder = self._decoders.get(packet.payload_type) or self._new_decoder(codec)
        if decoder is not self._current:
            self._current = decoder
            if codec.clock_rate != self._clock:
                self._clock, self._next = codec.clock_rate, None
                if self._stream is not None:
                    self._stream.reception.clock_rate = codec.clock_rate
        if not self._align(packet, now):
            return
        try:
            pcm = decoder.decode(packet.payload)
        except MediaError:
            self._counts.undecodable += 1
            pcm = self._concealed(decoder, self._duration_ms)
        else:
            if self._keep and codec.name == "opus":
                pcm = Coded.of(pcm, packet.payload)
        self._quiet = len(packet.payload) <= _DTX_BYTES or rms(pcm) < _QUIET
        self._heard(packet.timestamp, pcm, now)

    def _heard(self, timestamp: int, pcm: bytes, now: float) -> None:
        samples = len(pcm) // 2
        self._duration_ms = samples * 1000 // self._rate or FRAME_MS
        self._next = timestamp + samples * self._clock // self._rate & 0xFFFFFFFF
        self._filled = 0
        self._emit(pcm, now)
        self._fill_at = now + self._patience()

    def _patience(self) -> float:
        target = self._stream.buffer.target if self._stream is not None else 0.0
        if self._quiet:
            return self._duration_ms / 1000 + target + FRAME_S
        return max(PATIENCE, target + 3 * FRAME_S)

    def _new_decoder(self, codec: Codec) -> Decoder:
        decoder = self._decoders[codec.payload_type] = DECODERS[codec.name](self._rate)
        return decoder

    # --- the time base ------------------------------------------------------------------------------------------------

    def _ahead(self, timestamp: int) -> int:
        """Return how far a timestamp is ahead of what was delivered, in units of the RTP clock."""
        if self._next is None:
            return 0
        return ((timestamp - self._next + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _align(self, packet: Packet, now: float) -> bool:
        """Fill the pause before a packet with silence; False when its slot is already past."""
        gap = self._ahead(packet.timestamp)
        if gap == 0 or gap > RESYNC * self._clock or gap < -RESYNC_BACK * self._clock:
            return True
        if gap > 0:
            self._counts.silent += gap * 1000 // self._clock // FRAME_MS
            self._emit(bytes(gap * self._rate // self._clock * 2), now)
        elif isinstance(packet, Copy):
            return False  # its slot was filled while we waited: to say it now would stretch time
        elif -gap > self._filled * self._clock * FRAME_MS // 1000 + self._clock * FRAME_MS // 2000:
            self._counts.late += 1
            self._fill_at = now + self._patience()  # time that passed while these were said must not pass again
            return False
        return True

    def _lose(self, lost: Lost, now: float) -> None:
        self._counts.lost += lost.packets
        decoder, gap = self._current, self._ahead(lost.before.timestamp)
        if decoder is None or gap <= 0 or lost.packets > 1 or gap > RESYNC * self._clock:
            return  # its slot was filled while we waited, or there is nothing to continue
        duration = min(self._duration_ms, gap * 1000 // self._clock)
        if lost.before.payload_type in self._event_types or duration <= 0:
            return
        pcm = self._recovered(decoder, lost, duration)
        self._next = (self._next or 0) + len(pcm) // 2 * self._clock // self._rate & 0xFFFFFFFF
        self._emit(pcm, now)

    def _recovered(self, decoder: Decoder, lost: Lost, duration: int) -> bytes:
        if lost.adjacent and decoder is self._decoders.get(lost.before.payload_type):
            try:
                pcm = decoder.recover(lost.before.payload, duration)
            except MediaError:
                pcm = None
            if pcm is not None:
                self._counts.recovered += 1
                return pcm
        return self._concealed(decoder, duration)

    def _concealed(self, decoder: Decoder, ms: int) -> bytes:
        self._counts.concealed += max(1, ms // FRAME_MS)
        try:
            return decoder.conceal(ms)
        except MediaError:  # a duration that the codec cannot: say nothing for as long
            return bytes(self._rate * ms // 1000 * 2)

    def _fill(self, now: float) -> None:
        """Let 20 ms pass without a packet."""
        if self._filled < FADING and not self._quiet and self._current is not None:
            pcm = self._concealed(self._current, FRAME_MS)
        else:
            self._counts.silent += 1
            pcm = self._silence
        self._filled += 1
        if self._next is not None:
            self._next = self._next + self._clock * FRAME_MS // 1000 & 0xFFFFFFFF
        self._emit(pcm, now)

    def _emit(self, pcm: bytes, now: float) -> None:
        """Cut and join to exact frames; a packet of one frame passes straight through."""
        if not self._rest and len(pcm) == self._frame:
            self._counts.delivered += 1
            self._deliver(pcm, now)
            return
        sound, size = self._rest + pcm, self._frame
        whole = len(sound) - len(sound) % size
        for start in range(0, whole, size):
            self._counts.delivered += 1
            self._deliver(sound[start : start + size], now)
        self._rest = sound[whole:]
