"""From 20 ms frames of PCM, or ready-made packets, to RTP packets ready for SRTP. Pure; plain calls only.

Timestamps count real time, also in silence. Nothing is encoded while there is nothing to say: a few comfort packets push
the end of a word out of buffers that hold packets back until more come, then one every 400 ms keeps the path open. Each
talk spurt opens with the marker bit (RFC 3551 §4.1). While the far end reports loss, each packet repeats those before it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo

from mediaserver.audio.levels import SILENCE_DB, dbfs
from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.packets import HUSH, LEAD, Frame, Packet, Reader, decoded
from mediaserver.clock import FRAME_MS, FRAME_S
from mediaserver.rtc import redundancy, rtcp, rtp
from mediaserver.rtc.codecs import Agreed
from mediaserver.rtc.formats import FORMATS
from mediaserver.rtc.protection import COPIES, MOST_BITRATE, Means, Protection, Shield

_NEARLY = 0.001
"""Seconds by which a sum of frames may miss the clock's own."""

COMFORT_MS = 400

TAIL = 5
"""Comfort packets that follow a talk spurt without a gap: a stock aiortc client holds back the last four it has."""

NOISE = bytes((70,))
"""Comfort noise of -70 dBov without a spectrum (RFC 3389 §3): a line that is open, and no more."""

_DTX_BYTES = 2
_LEAST_BITRATE = 6000
_QUIETEST = -127


@dataclass(slots=True)
class Voice:
    """How we sound: Opus bitrate in bit/s and complexity 0..10. The complexity may change while calls last."""

    bitrate: int = 32000
    complexity: int = 5


@dataclass(slots=True)
class SenderStats:
    """Packets and payload octets sent, of them with ``comfort`` only and with ``copies``; what the far end reports.

    That is loss (0..1), jitter, and the round trip.
    """

    packets: int = 0
    octets: int = 0
    comfort: int = 0
    copies: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None


def opus_settings(parameters: Mapping[str, str], bitrate: int, complexity: int) -> OpusSettings:
    """Return what the far end's fmtp asks of our encoder (RFC 7587 §6.1), within our own limits."""
    return OpusSettings(
        bitrate=min(max(min(bitrate, most_bitrate(parameters)), _LEAST_BITRATE), MOST_BITRATE),
        complexity=complexity,
        fec=parameters.get("useinbandfec") == "1",
        dtx=parameters.get("usedtx") == "1",
        cbr=parameters.get("cbr") == "1",
        max_rate=_number(parameters.get("maxplaybackrate"), 48000),
    )


def most_bitrate(parameters: Mapping[str, str]) -> int:
    """Return the bit/s that the far end takes at most."""
    return min(_number(parameters.get("maxaveragebitrate"), MOST_BITRATE), MOST_BITRATE)


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else default


class AudioSender:
    """The mouth of one call: :meth:`packet` once each 20 ms. ``voice`` is shared by all calls of a port.

    Raises MediaError when the codec cannot take ``rate``. Close it.
    """

    def __init__(self, agreed: Agreed, rate: int, *, ssrc: int, cname: str, voice: Voice | None = None) -> None:
        self.ssrc = ssrc
        self._cname = cname
        self._voice = voice or Voice()
        self._stats = SenderStats()
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(32)
        self._due: float | None = None
        """When the next frame is due, by its timestamp."""
        self._wrote = False
        """The last frame was sent."""
        self._protection = Protection()
        self._reported = 0
        self._confirmed = False
        self._adopt(agreed, rate)

    @property
    def stats(self) -> SenderStats:
        """A copy of the counts."""
        return replace(self._stats, loss=self._protection.loss)

    def renew(self, agreed: Agreed, rate: int | None = None) -> None:
        """Go on after a re-offer, or at another rate, with a fresh encoder; SSRC, sequence and timestamps continue."""
        self.close()
        self._adopt(agreed, rate or self._rate)

    def close(self) -> None:
        """Free the encoder; idempotent."""
        self._encoder.close()

    @property
    def passes(self) -> bool:
        """Whether ready-made packets go out as they are: the far end takes Opus, and asks for none that is special."""
        return self._passes

    def packet(self, frame: Frame | None, due: float) -> bytes | None:
        """Take one 20 ms frame, or None for silence; returns a packet when one is due. A frame of zeros is silence.

        ``due`` is the frame's own time by the ticker, whenever it comes about.
        """
        timestamp = self._time(due)
        if isinstance(frame, Packet):
            return self._pass(frame, timestamp)
        if frame is not None and frame != self._silence:
            self._talking = True
            return self._collect(frame, timestamp)
        if self._talking:
            return self._last_breath(timestamp)
        if self._tail:
            return self._trail(timestamp)
        return self._keep_alive(timestamp)

    def _time(self, due: float) -> int:
        """Return the timestamp of the frame that was due then; frames that the clock left out have passed all the same.

        Else a listener would be as far behind from then on as the server once stood still. A clock that moved, so that the
        frame comes sooner, is told by it after a silence only: two packets must not have the same time.
        """
        expected = self._due if self._due is not None else due
        if due < expected and not self._wrote and not self._frames:
            sooner = min(expected - due, FRAME_S)
            self._timestamp = self._timestamp - round(sooner * self._codec.clock_rate) & 0xFFFFFFFF
            expected -= sooner
        left_out = int((max(0.0, due - expected) + _NEARLY) / FRAME_S)
        self._timestamp = self._timestamp + left_out * self._ticks & 0xFFFFFFFF
        self._due = expected + (left_out + 1) * FRAME_S
        self._wrote = False
        timestamp = self._timestamp
        self._timestamp = timestamp + self._ticks & 0xFFFFFFFF
        return timestamp

    def sender_report(self, now: float, block: RtcpReceiverInfo | None = None) -> bytes:
        """Return SR (before the first packet RR) with CNAME, and our report ``block`` on the far end's stream."""
        sender = None
        if self._stats.packets:
            # The timestamp that belongs to now: that of the next frame.
            sender = RtcpSenderInfo(rtcp.ntp(now), self._timestamp, self._stats.packets & 0xFFFFFFFF, self._octets())
        return rtcp.report(self.ssrc, self._cname, sender=sender, blocks=(block,) if block is not None else ())

    def receiver_report(self, block: RtcpReceiverInfo, now: float) -> None:
        """Take the far end's report on us: its loss sets how the stream is protected."""
        if block.ssrc != self.ssrc:
            return
        self._confirmed = True  # it knows our SSRC: no need to repeat the media id
        sent, self._reported = self._stats.packets - self._reported, self._stats.packets
        self._protection.report(block.fraction_lost / 256, sent, now)
        self._stats.jitter_ms = block.jitter * 1000 / self._codec.clock_rate
        trip = rtcp.round_trip(block, now)
        if trip is not None:
            self._stats.rtt_ms = trip * 1000
        self._protect()

    # --- the inside ---------------------------------------------------------------------------------------------------

    def _adopt(self, agreed: Agreed, rate: int) -> None:
        self._rate = rate
        frame = rate * FRAME_MS // 1000 * 2
        self._silence = bytes(frame)
        # The encoder looks 6.5 ms ahead; this all but silent frame lets the end of a word out. Zeros cost twice as much.
        self._breath = np.resize(np.array([1, -1, 0, 1, 0, -1], "<i2"), frame // 2).tobytes()
        self._agreed = agreed
        self._codec = codec = agreed.send
        self._format = FORMATS[codec.name]
        self._complexity = self._voice.complexity
        settings = opus_settings(codec.parameters, self._voice.bitrate, self._complexity)
        self._dtx = settings.dtx and codec.name == "opus"
        self._encoder = self._format.encoder(self._rate, settings)
        self._comfort_type = (agreed.comfort_noise or codec).payload_type
        self._red_type = (agreed.redundancy or codec).payload_type
        self._earlier: deque[tuple[int, bytes]] = deque(maxlen=len(COPIES))
        self._means = Means(
            bitrate=settings.bitrate,
            most=most_bitrate(codec.parameters),
            fec=settings.fec and codec.name == "opus",
            copies=agreed.redundancy is not None,
        )
        self._foreign = False
        self._lead: deque[Packet] = deque(maxlen=LEAD)
        self._reader: Reader | None = None
        self._ticks = codec.clock_rate * FRAME_MS // 1000
        self._bundle = max(1, agreed.ptime_ms // FRAME_MS)
        slim = settings.cbr or most_bitrate(codec.parameters) < self._voice.bitrate
        self._passes = codec.name == "opus" and self._bundle == 1 and not slim
        self._frames: list[bytes] = []
        self._first = 0
        self._talking = False
        self._marker = True
        self._quiet_ms = COMFORT_MS
        self._tail = 0
        self._shield: Shield | None = None
        self._protect()
        self._static = rtp.extension(self._mid()) if agreed.level_id is None else b""

    def _protect(self) -> None:
        shield = self._protection.shield(self._means)
        if shield != self._shield:
            self._shield = shield
            self._copies = shield.copies
            self._encoder.expect_loss(shield.expected)
            self._encoder.spend(shield.bitrate)
            if not shield.copies:
                self._earlier.clear()

    def _collect(self, pcm: bytes, timestamp: int) -> bytes | None:
        if self._bundle == 1:
            return self._encode(pcm, timestamp)
        if not self._frames:
            self._first = timestamp
        self._frames.append(pcm)
        if len(self._frames) < self._bundle:
            return None
        pcm = b"".join(self._frames)
        self._frames.clear()
        return self._encode(pcm, self._first)

    def _pass(self, packet: Packet, timestamp: int) -> bytes | None:
        """Send a ready-made packet as it is or, where the far end does not take it, what it sounds like."""
        self._talking = True
        if not self._passes:
            self._reader = self._reader or Reader(self._rate)
            return self._collect(self._reader.read(packet.opus), timestamp)
        self._foreign = True
        self._lead.append(packet)
        self._quiet_ms = 0
        return self._write(self._codec.payload_type, packet.opus, timestamp, packet)

    def _hush(self, timestamp: int) -> bytes:
        """End a talk spurt of packets that were not ours: in our silence the far end would go on with what it heard last."""
        self._foreign = False
        self._lead.clear()
        self._encoder.restart()
        self._encoder.follow(HUSH.opus)
        self._fall_silent()
        return self._write(self._codec.payload_type, HUSH.opus, timestamp, HUSH)

    def _go_on(self) -> None:
        """Have the encoder know what the far end has just heard: in any other state its first frame would click."""
        *before, last = self._lead
        self._lead.clear()
        self._encoder.restart()
        self._encoder.encode(decoded(before, (last,), self._rate))

    def _encode(self, pcm: bytes, timestamp: int) -> bytes | None:
        if self._lead:
            self._go_on()
        if self._complexity != self._voice.complexity:
            self._complexity = self._voice.complexity
            self._encoder.ease(self._complexity)
        payload = self._encoder.encode(pcm)
        if self._dtx and len(payload) <= _DTX_BYTES:
            return self._keep_alive(timestamp)
        self._quiet_ms = 0
        return self._write(self._codec.payload_type, payload, timestamp, pcm)

    def _last_breath(self, timestamp: int) -> bytes | None:
        """End a talk spurt: what is collected goes out, padded, and so does what the encoder holds back."""
        if self._foreign:
            return self._hush(timestamp)
        if not self._frames and not self._format.lookahead:
            self._fall_silent()
            return self._trail(timestamp)
        packet = self._collect(self._breath, timestamp)
        if not self._frames:
            self._fall_silent()
        return packet

    def _fall_silent(self) -> None:
        self._talking = False
        self._tail = TAIL * self._bundle

    def _trail(self, timestamp: int) -> bytes | None:
        due = self._tail % self._bundle == 0
        self._tail -= 1
        self._quiet_ms = 0
        return self._comfort(timestamp) if due else None

    def _keep_alive(self, timestamp: int) -> bytes | None:
        self._marker = True
        self._quiet_ms += FRAME_MS
        if self._quiet_ms < COMFORT_MS:
            return None
        self._quiet_ms = 0
        return self._comfort(timestamp)

    def _comfort(self, timestamp: int) -> bytes:
        self._stats.comfort += 1
        payload = NOISE if self._agreed.comfort_noise is not None else self._encoder.comfort()
        packet = self._write(self._comfort_type, payload, timestamp, None)
        self._marker = True
        return packet

    def _write(self, payload_type: int, payload: bytes, timestamp: int, frame: Frame | None) -> bytes:
        if self._copies:
            payload_type, payload = self._with_copies(payload_type, payload, timestamp)
        marker, self._marker, self._wrote = self._marker and frame is not None, False, True
        sequence, self._sequence = self._sequence, self._sequence + 1 & 0xFFFF
        self._stats.packets += 1
        self._stats.octets += len(payload)
        extension = self._extension(frame)
        return rtp.serialise(payload_type, marker, sequence, timestamp, self.ssrc, payload, extension)

    def _with_copies(self, payload_type: int, payload: bytes, timestamp: int) -> tuple[int, bytes]:
        """Return type and payload with the packets before it, or as they are when none of those fits."""
        whole = redundancy.serialise(payload_type, payload, timestamp, list(self._earlier)[-self._copies :])
        self._earlier.append((timestamp, payload))
        if whole is None:
            return payload_type, payload
        self._stats.copies += 1
        return self._red_type, whole

    def _octets(self) -> int:
        return self._stats.octets & 0xFFFFFFFF

    def _mid(self) -> dict[int, bytes]:
        """Name the m-line (RFC 8843 §15) until the far end has shown that it knows our SSRC."""
        if self._agreed.mid_id is None or self._confirmed:
            return {}
        return {self._agreed.mid_id: self._agreed.mid.encode()}

    def _extension(self, frame: Frame | None) -> bytes:
        if self._agreed.level_id is None:
            return b"" if self._confirmed else self._static
        loud = _QUIETEST if frame is None else level(frame)
        return rtp.extension(
            {self._agreed.level_id: bytes((-loud | (0x80 if frame is not None else 0),)), **self._mid()}
        )


def level(frame: Frame) -> int:
    """Return the level of PCM16, or of a packet, in dBov, -127 to 0 (RFC 6464 §3, RFC 6465 appendix A)."""
    loud = frame.level if isinstance(frame, Packet) else dbfs(frame)
    return min(0, round(loud)) if loud > SILENCE_DB else _QUIETEST
