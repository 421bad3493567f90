"""A Caller over WebRTC: joins the port, ICE, the stack, the receiver, the sender and the loudspeaker of one call.

Nothing per packet creates a task: a datagram goes from the socket's callback through :meth:`Peer.datagram` to the listener,
a frame goes from the 20 ms tick through the encoder to the socket, both by plain calls.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.rtp import RtcpByePacket, RtcpRrPacket, RtcpSrPacket

from mediaserver.audio.playout import Playout
from mediaserver.audio.speaker import Speaker
from mediaserver.audio.ticker import Ticker
from mediaserver.caller import Dialect, Listener, Tap
from mediaserver.clock import Clock, new_id
from mediaserver.errors import BadRequest, Hangup
from mediaserver.events import Event
from mediaserver.rtc import ice, rtcp, rtp, stun
from mediaserver.rtc.description import Offer
from mediaserver.rtc.patience import Patience
from mediaserver.rtc.place import Place
from mediaserver.rtc.receiver import AudioReceiver
from mediaserver.rtc.sender import AudioSender, Voice
from mediaserver.rtc.stack import Certificate, Stack, fingerprints
from mediaserver.rtc.track import PeerTrack, pump
from mediaserver.rtc.wire import Wire, nowhere

logger = logging.getLogger(__name__)

FOLLOW_S = 0.2
"""Seconds without media on the path before authenticated media from another known source moves it."""


@dataclass(slots=True)
class _Sound:
    """What exists once somebody listens."""

    receiver: AudioReceiver
    sender: AudioSender
    playout: Playout


class Peer(Speaker):
    """One WebRTC call; see :class:`mediaserver.caller.Caller`. Made by :meth:`MediaPort.accept`."""

    def __init__(
        self,
        *,
        wire: Wire,
        ticker: Ticker,
        dialect: Dialect,
        offer: Offer,
        own: Certificate,
        clock: Clock,
        deadlines: ice.Deadlines,
        voice: Voice,
        call_id: str | None = None,
    ) -> None:
        self._id = call_id or new_id("rtc")
        self._wire = wire
        self._place = Place(ticker, self._tick, clock)
        self._dialect = dialect
        self._clock = clock
        self._opus = voice
        self.offer = offer
        self.ssrc = secrets.randbits(32)
        self.cname = secrets.token_hex(8)
        self.stream_id = secrets.token_hex(8)
        self.track_id = secrets.token_hex(8)
        self.session = secrets.randbits(62)
        self.version = 1
        self.agent = ice.IceAgent(ice.new_credentials(offer.ufrag, offer.pwd))
        self.presence = ice.Presence(deadlines, clock())
        self._stack = Stack(
            own=own,
            active=offer.setup == "active",
            remote=offer.fingerprints,
            send=self.write,
            channels=dialect,
            data_port=offer.data_port,
            data_limit=offer.data_limit,
        )
        self.fingerprints = fingerprints(own)
        self._path_heard = 0.0
        self._send: Callable[[bytes], None] = nowhere
        self._nominated = asyncio.Event()
        self._over = asyncio.Event()
        self._end: Hangup | None = None
        self._released = False
        self._tasks: asyncio.TaskGroup | None = None
        self._listener: Listener | None = None
        self._sound: _Sound | None = None
        self._tap: Tap | None = None
        self._track: PeerTrack | None = None
        self._keep_packets = False
        self._hear_rate = 0
        self._play_rate = 0
        self._next_report = float("inf")
        self._noticed = False
        self._patience = Patience()

    # --- what others may know -----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The call's name, ``rtc_…``."""
        return self._id

    @property
    def connected(self) -> bool:
        """Whether media flows."""
        return self.presence.connected

    @property
    def over(self) -> bool:
        """Whether the call has ended on this peer."""
        return self._over.is_set()

    @property
    def silent(self) -> bool:
        """Whether nothing was heard from the client for longer than it should take (it may come back)."""
        return self.presence.verdict(self._clock()) == "silent"

    @property
    def ssrc_heard(self) -> int | None:
        """The SSRC of what the client says now, None before it is heard."""
        return self._sound.receiver.ssrc if self._sound is not None else None

    @property
    def stats(self) -> dict[str, float | None]:
        """Counters of this call, for logs and metrics."""
        counts: dict[str, float | None] = {"refused": self._stack.refused, "disturbances": self._stack.disturbances}
        if (sound := self._sound) is not None:
            counts |= {f"received_{name}": value for name, value in asdict(sound.receiver.stats).items()}
            counts |= {f"sent_{name}": value for name, value in asdict(sound.sender.stats).items()}
        return counts

    # --- the session's side: mediaserver.caller.Caller ----------------------------------------------------------------

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool, tap: Tap | None = None) -> None:
        """Say who listens and at which rates; until then what the client says is dropped."""
        self._listener, self._tap = listener, tap
        self._dialect.attach(listener)
        before, self._hear_rate, self._play_rate = self._sound, hear_rate, play_rate
        self._sound = _Sound(
            receiver=self._make_receiver(listener),
            sender=before.sender if before is not None else self._make_sender(),
            playout=Playout(play_rate, listener.note, live=live),
        )
        self._place.follow(live=live)
        if before is not None:
            before.receiver.close()
            before.sender.renew(self.offer.agreed, play_rate)
        self._join()

    def take_over(self, before: Peer) -> None:
        """Go on with another peer's loudspeaker, its queue and what it has played; both have the same listener."""
        if self._sound is not None and before._sound is not None:
            self._sound.playout = before._sound.playout

    @property
    def passes(self) -> bool:
        """Whether packets go out as they are; not where somebody taps what is played."""
        return self._sound is not None and self._tap is None and self._sound.sender.passes

    def keep_packets(self) -> None:
        """Give each frame with the packet that it came in, from the next :meth:`attach` on."""
        self._keep_packets = True

    def queued(self) -> None:
        """Keep step with what is said."""
        self._place.queued(due=self.playout().due)

    def tell(self, event: Event) -> None:
        """Tell the client, in its dialect."""
        self._dialect.tell(event)

    async def run(self) -> None:
        """Serve until the call ends: raises Hangup with the reason. Cancelling it closes the transport."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                serving = tasks.create_task(self._serve(), name=f"{self._id} transport")
                # Ended by the port's watch at the latest: every phase of a call has a deadline in ice.Presence.
                await self._over.wait()
                serving.cancel()
        finally:
            self._tasks = None
            await self.close("server_shutdown")
        raise self._end or Hangup("client_closed")

    async def close(self, reason: str) -> None:
        """Say goodbye on the wire (RTCP BYE, SCTP ABORT, DTLS close_notify) and free everything. Idempotent."""
        self.end(Hangup(reason))
        try:
            if not self._released:
                self._write_control(rtcp.goodbye(self.ssrc, self.cname))
                await self._stack.close()
        finally:
            self.release()

    # --- the port's side ----------------------------------------------------------------------------------------------

    def datagram(self, data: bytes, source: ice.Source, now: float) -> None:
        """Take a datagram, other than STUN, first byte as in RFC 7983; from strangers what :func:`rtp.stream` knows only."""
        first = data[0]
        if 127 < first < 192 and len(data) >= rtp.HEADER:
            if data[1] in rtp.CONTROL:
                self._control(data, now)
            else:
                self._voice(data, source, now)
        elif 19 < first < 64:
            self._stack.feed(data)

    def check(self, message: stun.Message, source: ice.Source, now: float) -> bytes | None:
        """Take a STUN Binding request and return the answer, ``None`` for silence."""
        verdict = self.agent.request(message, source, now)
        self._happened(verdict.events, now)
        return verdict.response

    def proved(self, source: ice.Source, now: float) -> None:
        """Go on at a source from where the client gave its consent when it was asked."""
        self._happened(self.agent.proved(source, now), now)

    def renegotiate(self, offer: Offer) -> ice.Credentials:
        """Take a new offer on the live call and return the credentials for the answer.

        Raises BadRequest when it does not continue this call: DTLS stays, so its fingerprints and data channel must.
        """
        if offer.fingerprints != self.offer.fingerprints:
            raise BadRequest(
                "a new offer on a live call has to keep its DTLS certificate", code="invalid_sdp", param="sdp"
            )
        credentials = self.restart(offer.ufrag, offer.pwd)
        # The DTLS roles were settled by the first offer and stay while its association lives (RFC 8842 §5.5).
        agreed, self.offer = self.offer.agreed, replace(offer, setup=self.offer.setup)
        self.version += 1
        if self._sound is not None and agreed != offer.agreed:
            self._sound.receiver.renew(offer.agreed)
            self._sound.sender.renew(offer.agreed)
        return credentials

    def restart(self, ufrag: str, pwd: str) -> ice.Credentials:
        """Return our credentials for the client's: an ICE restart when those are new."""
        current = self.agent.latest
        if (ufrag, pwd) == (current.remote_ufrag, current.remote_pwd):
            return current
        fresh, void = self.agent.restart(ufrag, pwd)
        for ufrag in void:
            self._wire.unname(ufrag)
        self._wire.name(fresh.ufrag, self)
        return fresh

    def watch(self, now: float) -> bool:
        """See to deadlines and reports, a few times per second; returns whether the set-up timed out just now."""
        verdict, was_over = self.presence.verdict(now), self._over.is_set()
        if (detail := ice.ENDS.get(verdict)) is not None:
            self.end(Hangup(verdict, detail))
        if self._over.is_set():
            if self._tasks is None:  # nobody runs it: nobody else would free it
                self.release()
            return verdict == "setup_timeout" and not was_over
        if self._patience.over(self._stack.acknowledged, present=verdict == "present", now=now):
            self.end(Hangup("connection_lost", "the client does not read its data channel"))
        self._notice(silent=verdict == "silent")
        if now >= self._next_report:
            self._report(now)
        return False

    def _notice(self, *, silent: bool) -> None:
        """Write down, once, that the client went silent, and that it is back."""
        if silent != self._noticed:
            self._noticed = silent
            logger.info("call %s: %s", self._id, "nothing is heard from the client" if silent else "the client is back")

    def broke(self, defect: Exception) -> None:
        """End this call, and no other, because of a defect; one line, for the text of a defect may hold what was said."""
        if self._end is None:
            logger.error("call %s ended by a defect: %s", self._id, type(defect).__name__)
        self.end(Hangup("internal_error"))

    def end(self, hangup: Hangup) -> None:
        """End the call; the first reason counts."""
        if self._end is None:
            self._end = hangup
            self._over.set()

    def release(self) -> None:
        """Give back everything that others hold for this call. Idempotent; a plain call."""
        if self._released:
            return
        self._released = True
        self._place.leave()
        if self._sound is not None:
            self._sound.receiver.close()
            self._sound.sender.close()
        if self._track is not None:
            self._track.stop()
        for ufrag in self.agent.ufrags:
            self._wire.unname(ufrag)
        for source in self.agent.sources:
            self._wire.forget(source, self)
        self._send = nowhere
        self._wire.left(self)

    # --- tracks -------------------------------------------------------------------------------------------------------

    @property
    def track(self) -> MediaStreamTrack:
        """What the client says, as an aiortc track at the rate given to :meth:`attach`."""
        if self._sound is None or self._listener is None:
            raise Hangup("internal_error", "a call that nobody listens to has no track")
        if self._track is None:
            self._track = PeerTrack(self._hear_rate)
            self._sound.receiver.close()
            self._sound.receiver = self._make_receiver(self._listener)
        return self._track

    def play_track(self, track: MediaStreamTrack) -> str:
        """Play a track to the client until it ends, as the item whose name is returned. The call has to be running."""
        if self._tasks is None or self._sound is None:
            raise Hangup("internal_error", "a track was given to a call that does not run")
        item = new_id("item")
        self._tasks.create_task(self._play_track(item, track), name=f"{self._id} track")
        return item

    async def _play_track(self, item: str, track: MediaStreamTrack) -> None:
        await pump(track, self._play_rate, lambda pcm: self.play(item, pcm), lambda: self.played(item))
        self.finish(item)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        try:
            # Both waits end at the set-up deadline: the port's watch ends the call, and that cancels this task.
            await self._nominated.wait()
            await self._stack.connect()
            self._connected(self._clock())
            await self._stack.serve()
        except Hangup as hangup:
            self.end(hangup)

    def _happened(self, events: tuple[ice.IceEvent, ...], now: float) -> None:
        for event in events:
            _ON_ICE[type(event)](self, event, now)

    def _known(self, event: ice.SourceKnown, now: float) -> None:
        self._wire.learn(event.source, self)

    def _forgotten(self, event: ice.SourceForgotten, now: float) -> None:
        self._wire.forget(event.source, self)

    def _restarted(self, event: ice.Restarted, now: float) -> None:
        for ufrag in event.dropped:
            self._wire.unname(ufrag)

    def _path(self, event: ice.PathNominated, now: float) -> None:
        self._send = self._wire.sender(event.source)
        self._path_heard = now
        self._nominated.set()

    def _consent(self, event: ice.ConsentRefreshed, now: float) -> None:
        self.presence.heard = now

    def write(self, datagram: bytes) -> None:
        """Send a datagram to wherever the path leads now; before there is one it is dropped."""
        self._send(datagram)

    def _connected(self, now: float) -> None:
        self.presence.connected = True
        self.presence.heard = self._path_heard = now
        self._next_report = now + random.uniform(0.5, 1.5)
        self._join()

    # --- sound --------------------------------------------------------------------------------------------------------

    def playout(self) -> Playout:
        """Return the queue of this call. Raises Hangup when nobody is attached."""
        if self._sound is None:
            raise Hangup("internal_error", "sound for a call that nobody is attached to")
        return self._sound.playout

    def _make_receiver(self, listener: Listener) -> AudioReceiver:
        keep = self._keep_packets
        return AudioReceiver(self.offer.agreed, self._hear_rate, self._hearing(listener), listener.note, keep=keep)

    def _make_sender(self) -> AudioSender:
        agreed, rate = self.offer.agreed, self._play_rate
        return AudioSender(agreed, rate, ssrc=self.ssrc, cname=self.cname, voice=self._opus)

    def _hearing(self, listener: Listener) -> Callable[[bytes, float], None]:
        track, hear = self._track, listener.hear
        if track is None:
            return hear

        def both(pcm: bytes, at: float) -> None:
            hear(pcm, at)
            track.push(pcm)

        return both

    def _join(self) -> None:
        """Take part in the 20 ms clock once there is somebody at both ends."""
        if not self._released and self.presence.connected and self._sound is not None:
            self._place.join()

    def _voice(self, data: bytes, source: ice.Source, now: float) -> None:
        packet = self._stack.unprotect(data)
        if packet is None:
            return
        self.presence.heard = now
        if source == self.agent.path:
            self._path_heard = now
        elif self._sound is None or self._sound.receiver.news(packet):  # what is only late says nothing about now
            self._elsewhere(source, now)
        if self._sound is not None:
            self._sound.receiver.rtp(packet, now)

    def _elsewhere(self, source: ice.Source, now: float) -> None:
        if source not in self.agent.sources:
            self._wire.ask(source, self, now)
        elif now - self._path_heard > FOLLOW_S and (moved := self.agent.follow(source)) is not None:
            self._path(moved, now)

    def _tick(self, now: float, due: float) -> None:
        try:
            self._pass_time(now, due)
        except Exception as defect:
            self.broke(defect)
            raise  # the ticker takes this call off its clock, and says where it was

    def _pass_time(self, now: float, due: float) -> None:
        sound = self._sound
        if sound is None:
            return
        awaited = sound.receiver.tick(now)
        frame = sound.playout.pull(now)
        self._place.ticked(sounding=frame is not None, awaited=awaited)
        if not self.offer.agreed.sending:
            return
        if self._tap is not None and isinstance(frame, bytes):
            self._tap(frame, now)
        packet = sound.sender.packet(frame, due)
        if packet is not None and (protected := self._stack.protect(packet)) is not None:
            self._send(protected)

    # --- RTCP ---------------------------------------------------------------------------------------------------------

    def _control(self, data: bytes, now: float) -> None:
        plain = self._stack.unprotect_rtcp(data)
        if plain is None:
            return
        self.presence.heard = now
        for packet in rtcp.parse(plain):
            if isinstance(packet, RtcpByePacket):
                self.presence.said_bye = now
            elif self._sound is not None and isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                self._hear_report(self._sound, packet, now)

    def _hear_report(self, sound: _Sound, packet: RtcpSrPacket | RtcpRrPacket, now: float) -> None:
        if isinstance(packet, RtcpSrPacket):
            sound.receiver.sender_report(packet, now)
        for block in packet.reports:
            if block.ssrc == self.ssrc:
                sound.sender.receiver_report(block, now)

    def _report(self, now: float) -> None:
        """Send SR or RR, with what we know of the client's stream."""
        self._next_report = now + random.uniform(*rtcp.REPORT_S)
        if (sound := self._sound) is not None:
            self._write_control(sound.sender.sender_report(now, sound.receiver.report_block(now)))

    def _write_control(self, plain: bytes) -> None:
        if (protected := self._stack.protect_rtcp(plain)) is not None:
            self._send(protected)


_ON_ICE: dict[type[ice.IceEvent], Callable[[Peer, Any, float], None]] = {
    ice.SourceKnown: Peer._known,
    ice.SourceForgotten: Peer._forgotten,
    ice.PathNominated: Peer._path,
    ice.Restarted: Peer._restarted,
    ice.ConsentRefreshed: Peer._consent,
}
