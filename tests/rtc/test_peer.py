"""Real calls over real sockets: stock aiortc and a bare client against the media port."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace

import aioice.ice
import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters

from mediaserver.audio.opus import OpusSettings
from mediaserver.audio.packets import encoding
from mediaserver.errors import BadRequest, Hangup
from mediaserver.events import PlayoutFinished, PlayoutStarted
from mediaserver.rtc import ice, patience, rtcp, stun
from mediaserver.rtc.peer import FOLLOW_S, Peer
from mediaserver.rtc.port import MediaPort
from tests.fakes.caller import tone
from tests.rtc.clients import LOCAL, RATE, Bare, Ear, Stock, Text, media_port, serving, until

HERE = replace(LOCAL, addresses=())  # this machine's own addresses: where stock aiortc's candidates are


MOVED_S = 1.0
"""Sound goes both ways again this long after the first check from another address, at the latest."""


async def join(port: MediaPort, client: Stock, *, echo: bool) -> tuple[Peer, Ear, Text]:
    text = Text()
    peer, answer = port.accept(await client.offer(), text)
    await client.accept(answer)
    return peer, Ear(peer, echo=echo), text


def join_bare(port: MediaPort, client: Bare, *, setup: str = "actpass", echo: bool = False) -> tuple[Peer, Ear]:
    peer, answer = port.accept(client.offer(setup), Text())
    client.accept(answer)
    return peer, Ear(peer, echo=echo)


# --- stock aiortc -----------------------------------------------------------------------------------------------------


async def test_a_stock_client_hears_itself_through_the_whole_path() -> None:
    async with media_port(HERE) as port, Stock() as client:
        peer, ear, text = await join(port, client, echo=True)
        async with serving(peer) as ends:
            await until(lambda: any(e > 1e5 for e in client.energies))
            await until(lambda: client.texts)
            assert client.texts[0] == "welcome to oai-events"
            client.channel.send("hello")
            await until(lambda: len(client.texts) > 1)
            assert text.heard == ["hello"]
            assert ear.energy > 1e6
            assert isinstance(ear.notes[0], PlayoutStarted)
            await client.connection.close()
            await until(lambda: peer in ends)
            assert ends[peer].reason == "client_closed"
        assert port.peers == 0


async def test_two_calls_at_once_do_not_hear_each_other() -> None:
    async with media_port(HERE) as port, Stock() as one, Stock(SilentTrack()) as two:
        first, _, _ = await join(port, one, echo=True)
        second, quiet, _ = await join(port, two, echo=True)
        async with serving(first, second):
            await until(lambda: any(e > 1e5 for e in one.energies) and quiet.frames > 20)
            assert max(two.energies, default=0) < 1e4
            assert port.stats()["peers"] == 2


def SilentTrack():  # noqa: N802 - reads as the class that it hands out
    from aiortc import AudioStreamTrack

    return AudioStreamTrack()


async def test_hanging_up_says_goodbye_to_a_stock_client() -> None:
    async with media_port(HERE) as port, Stock() as client:
        peer, _, _ = await join(port, client, echo=False)
        async with serving(peer) as ends:
            await until(lambda: peer.connected)
            await peer.close("idle")
            await peer.close("client_closed")
            await until(lambda: client.connection.connectionState == "closed")
            await until(lambda: peer in ends)
            assert ends[peer].reason == "idle"


async def test_a_stock_client_behind_a_nat_that_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.2)
    async with media_port() as port, Stock() as client, Nat(("127.0.0.1", port.port)) as nat:
        text = Text()
        peer, answer = port.accept(await client.offer(), text)
        # The client reaches us through the NAT on its own address only.
        await client.accept(nat.rewrite(answer))
        ear = Ear(peer, echo=True)
        async with serving(peer):
            await until(lambda: any(e > 1e5 for e in client.energies))
            known = set(peer.agent.sources)
            nat.rebind()
            await until(lambda: set(peer.agent.sources) - known)  # the client's next check
            heard, energies = ear.frames, len(client.energies)
            # In and out again: frames from after the change, and their echo.
            await until(lambda: ear.frames > heard + 10 and len(client.energies) > energies + 10, MOVED_S)


async def test_a_stock_client_behind_a_nat_that_forgets_it_need_not_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 60.0)
    async with media_port() as port, Stock() as client, Nat(("127.0.0.1", port.port)) as nat:
        peer, answer = port.accept(await client.offer(), Text())
        await client.accept(nat.rewrite(answer))
        ear = Ear(peer, echo=True)
        async with serving(peer):
            await until(lambda: port._voices and any(e > 1e5 for e in client.energies))
            nat.rebind()
            await nat.opening
            heard, energies = ear.frames, len(client.energies)
            await until(lambda: port.stats()["consent_given"] == 1)
            await until(lambda: ear.frames > heard + 10 and len(client.energies) > energies + 10)


class Nat(asyncio.DatagramProtocol):
    """A UDP relay that can change the port from which the server sees its one client."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.client: object = None

    async def __aenter__(self) -> Nat:
        self.loop = asyncio.get_running_loop()
        from aioice.ice import get_host_addresses

        self.host = get_host_addresses(use_ipv4=True, use_ipv6=False)[0]
        self.inside, _ = await self.loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.outside: asyncio.DatagramTransport | None = None
        await self._open()
        return self

    async def _open(self) -> None:
        relay = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                relay.inside.sendto(data, relay.client)

        self.outside, _ = await self.loop.create_datagram_endpoint(Back, local_addr=("127.0.0.1", 0))

    def rebind(self) -> None:
        if self.outside is not None:
            self.outside.close()
            self.outside = None
        self.opening = self.loop.create_task(self._open())

    def rewrite(self, answer: str) -> str:
        lines = [line for line in answer.split("\r\n") if not line.startswith("a=candidate:2")]
        port = str(self.inside.get_extra_info("sockname")[1])
        swap = {"127.0.0.1": self.host, str(self.server[1]): port}
        for index, line in enumerate(lines):
            if line.startswith(("a=candidate:", "c=", "m=")):
                lines[index] = " ".join(swap.get(word, word) for word in line.split(" "))
        return "\r\n".join(lines)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.client = addr
        if self.outside is not None:
            self.outside.sendto(data, self.server)

    async def __aexit__(self, *error: object) -> None:
        self.inside.close()
        if self.outside is not None:
            self.outside.close()
        await asyncio.sleep(0)


# --- a bare client ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
async def test_every_dtls_role_on_every_ip_version(host: str, setup: str) -> None:
    client = Bare(host)
    async with media_port() as port:
        peer, ear = join_bare(port, client, setup=setup)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected and client.stack and client.stack.connected)
            client.say(10)
            await until(lambda: ear.frames >= 10)
            peer.play("a", b"\x10\x20" * (RATE // 5))
            peer.finish("a")
            await until(lambda: any(isinstance(n, PlayoutFinished) for n in ear.notes))
            await until(lambda: len(client.packets) >= 10)
    client.close()


async def test_packets_for_a_line_that_is_not_opus_are_heard_all_the_same() -> None:
    client, packets = Bare(), [*encoding(tone(200, RATE), RATE, OpusSettings())]
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            assert not peer.passes
            peer.play_packets("a", packets)
            peer.finish("a")
            await until(lambda: any(isinstance(n, PlayoutFinished) for n in ear.notes))
            await until(lambda: sum(len(packet.payload) == 160 for packet in client.packets) >= len(packets))
            assert peer.played("a") == len(packets) * 20
    client.close()


async def test_a_change_of_address_moves_the_call_with_one_check() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            client.say(5)
            await until(lambda: ear.frames >= 5)
            old = client.rebind()
            client.say(3)
            before = port.stats()["unknown_source"]
            await until(lambda: port.stats()["unknown_source"] >= before + 3)
            assert not leads_to(peer, client)
            await asyncio.sleep(ice.SETTLE_S)
            client.check()
            await until(lambda: leads_to(peer, client), MOVED_S)
            client.say(5)
            peer.play("a", b"\x10\x20" * (RATE // 5))
            await until(lambda: ear.frames >= 10 and len(client.packets) >= 5)
            old.close()
    client.close()


def leads_to(peer: Peer, client: Bare) -> bool:
    return peer.agent.path is not None and peer.agent.path.address[1] == client.socket.getsockname()[1]


async def test_a_change_of_network_right_after_a_check_is_not_held_up() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            client.say(5)
            await until(lambda: ear.frames >= 5)
            answered = len(client.responses)
            client.check()
            await until(lambda: len(client.responses) > answered)
            client.rebind().close()
            client.check()
            peer.play("a", b"\x10\x20" * RATE)
            async with asyncio.timeout(MOVED_S):
                while not (leads_to(peer, client) and ear.frames >= 10 and len(client.packets) >= 5):
                    client.say(1)
                    await asyncio.sleep(0.02)
    client.close()


async def settled(port: MediaPort, client: Bare, ear: Ear) -> None:
    """Connect, and speak until the port knows the call by its sound."""
    await until(lambda: ear.peer.connected)
    client.say(5)
    await until(lambda: port._voices and ear.frames >= 5)


async def test_sound_from_a_new_address_is_asked_for_consent_and_followed_without_a_check() -> None:
    client = Bare()
    client.consents = True
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await settled(port, client, ear)
            before = peer.agent.path
            client.rebind().close()
            client.say(1)
            await until(lambda: ear.frames >= 6)  # heard at once, for SRTP believed it
            await until(lambda: leads_to(peer, client))
            peer.play("a", b"\x10\x20" * (RATE // 5))
            await until(lambda: len(client.packets) >= 5)
            assert before in peer.agent.sources  # the old address stays good
            assert (port.stats()["consent_asked"], port.stats()["consent_given"]) == (1, 1)
            assert stun.authentic(client.asked[0], client.pwd.encode())
    client.close()


async def test_sound_from_a_new_address_is_not_answered_there_before_it_consents() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await settled(port, client, ear)
            client.rebind().close()
            client.packets.clear()
            peer.play("a", b"\x10\x20" * RATE)
            client.say(5)
            await until(lambda: ear.frames >= 10 and len(client.asked) >= 2)  # asked, and asked again
            assert not leads_to(peer, client)
            assert client.packets == []
            assert len({request.transaction for request in client.asked}) == 1
    client.close()


async def test_without_the_keys_nobody_is_asked_anything() -> None:
    client, third = Bare(), Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        third.remote = client.remote
        async with serving(peer), client.connected():
            await settled(port, client, ear)
            seen = client.packet()
            client.send(seen)
            await until(lambda: peer.stats["received_received"] == 6)
            refused = peer.stats["refused"] or 0
            third.send(seen)  # a replay
            third.send(seen[:2] + b"\x7f" + seen[3:])  # the call's own SSRC, a later number, a tag that does not fit
            third.send(seen[:12])
            await until(lambda: (peer.stats["refused"] or 0) == refused + 3)
            assert port.stats()["consent_asked"] == 0
            assert peer.stats["received_received"] == 6
    client.close()
    third.close()


async def test_who_is_only_faster_than_the_client_is_asked_and_cannot_answer() -> None:
    client, third = Bare(), Bare()
    third.consents = True  # with a password of its own
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        third.remote = client.remote
        async with serving(peer), client.connected():
            await settled(port, client, ear)
            known, bad = peer.agent.sources, port.stats()["bad_stun"]
            third.send(client.packet())
            await until(lambda: port.stats()["bad_stun"] > bad)
            assert len(third.asked) >= 1
            assert leads_to(peer, client)
            assert peer.agent.sources == known
            assert port.stats()["consent_given"] == 0
    client.close()
    third.close()


async def test_what_comes_late_by_the_old_way_does_not_move_the_call_back() -> None:
    client = Bare()
    client.consents = True
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await settled(port, client, ear)
            late = [client.packet() for _ in range(2)]
            old, third = client.rebind(), Bare()
            client.say(1)
            await until(lambda: leads_to(peer, client))
            await asyncio.sleep(FOLLOW_S + 0.05)  # a pause of DTX is longer
            received, asked = port.stats()["received"], port.stats()["consent_asked"]
            old.sendto(late[0], client.remote)
            third.remote = client.remote
            third.send(late[1])
            await until(lambda: port.stats()["received"] >= received + 2)
            assert leads_to(peer, client)
            assert port.stats()["consent_asked"] == asked
            old.sendto(client.packet(), client.remote)  # what is new moves it: the old address is still good
            await until(lambda: not leads_to(peer, client))
            old.close()
            third.close()
    client.close()


async def test_media_from_a_checked_address_moves_the_call_without_a_nomination() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            client.say(5)
            await until(lambda: ear.frames >= 5)
            client.rebind().close()
            answered = len(client.responses)
            client.check(nominate=False)
            await until(lambda: len(client.responses) > answered)
            await asyncio.sleep(0.25)
            client.say(5)
            await until(lambda: leads_to(peer, client), MOVED_S)
    client.close()


async def test_an_ice_restart_and_other_codecs_on_a_live_call() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            client.say(5)
            await until(lambda: ear.frames >= 5)
            before, ssrc = peer.agent.credentials, peer.ssrc
            client.ufrag, client.pwd = "again123", "again-password-0123456789"
            answer = port.reoffer(
                peer, client.offer().replace("SAVPF 0 126", "SAVPF 8 126").replace("0 PCMU", "8 PCMA")
            )
            client.say(5, payload=b"\x55" * 160, payload_type=8)  # the old path goes on until the new one is nominated
            await until(lambda: ear.frames >= 10)
            client.rebind().close()
            client.accept(answer)
            assert client.server[0] not in (before.ufrag, "")
            client.check()
            await until(lambda: peer.agent.credentials != before)
            client.say(5, payload=b"\x55" * 160, payload_type=8)
            peer.play("a", b"\x10\x20" * (RATE // 5))
            await until(lambda: ear.frames >= 15 and any(p.payload_type == 8 for p in client.packets))
            assert {p.ssrc for p in client.packets} == {ssrc}
            assert peer.agent.ufrags == (client.server[0],)
    client.close()


async def test_a_re_offer_keeps_the_transport_and_takes_the_direction() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            answer = port.reoffer(peer, client.offer("actpass", "a=sendonly"))
            assert f"a=ice-ufrag:{peer.agent.credentials.ufrag}\r\n" in answer
            assert "a=recvonly\r\n" in answer
            peer.play("a", b"\x10\x20" * (RATE // 10))
            peer.finish("a")
            await until(lambda: any(isinstance(n, PlayoutFinished) for n in ear.notes))
            assert not any(p.marker for p in client.packets)  # nothing but comfort noise from before the new offer
            other = Bare()
            with pytest.raises(BadRequest):
                port.reoffer(peer, other.offer())
            other.close()
    client.close()


async def test_the_wrong_certificate_ends_the_call_before_any_sound() -> None:
    client, other = Bare(), Bare()
    async with media_port() as port:
        offer = client.offer().replace(*(c.getFingerprints()[0].value for c in (client.certificate, other.certificate)))
        peer, answer = port.accept(offer, Text())
        client.accept(answer)
        ear = Ear(peer)
        async with serving(peer) as ends, client.connected():
            await until(lambda: peer in ends)
            assert ends[peer].reason == "protocol_error"
            assert ear.frames == 0
    client.close()
    other.close()


async def test_digits_reach_the_listener_once() -> None:
    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            client.say(3)
            for end, duration in ((0, 160), (0, 320), (0x80, 480)):
                client.say(1, payload=bytes([5, end | 10]) + duration.to_bytes(2, "big"), payload_type=126)
            await until(lambda: ear.notes)
    client.close()


# --- ends -------------------------------------------------------------------------------------------------------------

HASTY = replace(LOCAL, setup_timeout_s=0.3, silence_notice_s=0.3, silence_end_s=1.0)


async def test_a_client_that_never_comes_ends_at_the_setup_deadline() -> None:
    async with media_port(HASTY) as port:
        client = Bare()
        peer, _ = join_bare(port, client)
        async with serving(peer) as ends:
            await until(lambda: peer in ends)
            assert ends[peer].reason == "setup_timeout"
        assert port.stats()["setup_timeouts"] == 1
        client.close()


async def test_a_client_that_only_checks_ends_at_the_setup_deadline_too() -> None:
    client = Bare()
    async with media_port(HASTY) as port:
        peer, _ = join_bare(port, client)
        async with serving(peer) as ends:
            client.check()
            await until(lambda: peer in ends)
            assert ends[peer].reason == "setup_timeout"
    client.close()


async def test_offers_that_nobody_runs_are_freed() -> None:
    async with media_port(HASTY) as port:
        client = Bare()
        for _ in range(20):
            port.accept(client.offer(), Text())
        assert port.peers == 20
        await until(lambda: port.peers == 0)
        client.close()


async def test_a_client_that_vanishes_is_noticed_and_then_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client = Bare()
    async with media_port(HASTY) as port:
        peer, ear = join_bare(port, client)
        async with serving(peer) as ends, client.connected():
            await until(lambda: peer.connected)
            client.say(3)
            await until(lambda: ear.frames >= 3)
            await until(lambda: peer.silent)
            await until(lambda: "nothing is heard from the client" in caplog.text)
            assert port.stats()["silent"] == 1
            assert peer not in ends
            client.check()  # a check alone keeps a call alive
            await until(lambda: "the client is back" in caplog.text)
            await until(lambda: peer in ends)
            assert ends[peer].reason == "connection_lost"
    client.close()


async def test_a_client_that_never_acknowledges_what_it_is_told_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> None: ...

    monkeypatch.setattr(patience, "MOST_S", 0.5)
    client = Bare()
    async with media_port(LOCAL) as port:
        peer, _ = join_bare(port, client)
        async with serving(peer) as ends, client.connected():
            stack = client.stack
            assert stack is not None
            await until(lambda: stack._sctp is not None and stack._sctp.state == "connected")
            assert stack._sctp is not None
            stack._sctp._send_sack = nothing  # type: ignore[method-assign]
            RTCDataChannel(
                stack._sctp, RTCDataChannelParameters(label="oai-events")
            )  # to which the dialect says welcome
            await until(lambda: peer in ends)
            assert ends[peer].reason == "connection_lost"
            assert ends[peer].detail == "the client does not read its data channel"
    client.close()


@pytest.mark.parametrize("where", ["tick", "rtp"])
async def test_a_defect_ends_its_own_call_and_leaves_the_others(where: str, caplog: pytest.LogCaptureFixture) -> None:
    one, other = Bare(), Bare()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    async with media_port() as port:
        (broken, _), (whole, ear) = join_bare(port, one), join_bare(port, other)
        async with serving(broken, whole) as ends, one.connected(), other.connected():
            await until(lambda: broken.connected and whole.connected)
            assert broken._sound is not None
            setattr(broken._sound.receiver, where, defect)
            one.say(3)
            await until(lambda: broken in ends)
            assert ends[broken].reason == "internal_error"
            other.say(10)
            await until(lambda: ear.frames >= 10)
            assert whole not in ends
    assert caplog.text.count("ended by a defect: ZeroDivisionError") == 1
    one.close()
    other.close()


async def test_a_call_that_ended_before_anybody_ran_it_is_freed() -> None:
    async with media_port() as port:
        client = Bare()
        peer, _ = join_bare(port, client)
        peer.end(Hangup("client_closed"))
        await until(lambda: port.peers == 0)
        client.close()


async def test_a_transport_that_does_not_close_cleanly_leaves_nothing_behind() -> None:
    async def defect() -> None:
        raise ZeroDivisionError

    async with media_port() as port:
        client = Bare()
        peer, _ = join_bare(port, client)
        peer._stack.close = defect  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            await peer.close("client_closed")
        assert port.peers == 0
        client.close()


async def test_a_goodbye_ends_a_call_when_it_was_the_last_word() -> None:
    client = Bare()
    async with media_port(replace(HASTY, silence_end_s=30.0)) as port:
        peer, ear = join_bare(port, client)
        async with serving(peer) as ends, client.connected():
            await until(lambda: peer.connected and client.stack and client.stack.connected)
            client.say(3)
            await until(lambda: ear.frames >= 3)
            assert client.stack is not None
            goodbye = client.stack.protect_rtcp(rtcp.goodbye(42, "bare"))
            assert goodbye is not None
            client.send(goodbye)  # as a browser does whose user is put on hold
            await until(lambda: peer.presence.said_bye is not None)
            for _ in range(10):
                client.check()
                await asyncio.sleep(0.05)
            assert peer not in ends
            again = client.stack.protect_rtcp(rtcp.goodbye(42, "bare"))
            assert again is not None
            client.send(again)
            await until(lambda: peer in ends)
            assert ends[peer].reason == "client_closed"
    client.close()


async def test_cancelling_a_call_closes_it() -> None:
    client = Bare()
    async with media_port() as port:
        peer, _ = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
        assert port.peers == 0
        with pytest.raises(Hangup):
            await peer.run()
    client.close()


async def test_closing_the_port_closes_its_calls() -> None:
    client = Bare()
    async with asyncio.timeout(20):
        async with media_port() as port:
            peer, _ = join_bare(port, client)
            running = asyncio.create_task(peer.run())
            client.check()
            await until(lambda: peer.agent.path)
        with pytest.raises(Hangup) as caught:
            await running
        assert caught.value.reason == "server_shutdown"
    client.close()


# --- hostility --------------------------------------------------------------------------------------------------------


def hostile(rng: random.Random, known: str) -> bytes:
    """Empty, short, DTLS of all types, broken and forged STUN, RTP and RTCP."""
    size = rng.choice([0, 1, 2, 3, 11, 12, 20, 60, 1400])
    kind = rng.choice([0, 1, 20, 21, 22, 23, 25, 40, 63, 64, 127, 128, 144, 191, 192, 255])
    body = rng.randbytes(size)
    if kind == 0:
        attribute = f"{known}:x".encode()
        return (
            b"\0\1"
            + (size + 4 + len(attribute)).to_bytes(2, "big")
            + bytes.fromhex("2112a442")
            + rng.randbytes(12)
            + body
        )
    if 20 <= kind < 64:
        return bytes([kind]) + b"\xfe\xfd\0\0" + bytes(6) + len(body).to_bytes(2, "big") + body
    return (bytes([kind]) + body) if size else b""


async def test_strangers_disturb_neither_the_setup_nor_the_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, rng = Bare(), random.Random(7)
    third = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        third.remote = client.remote

        async def flood(count: int) -> None:
            for _ in range(count // 50):
                for _ in range(50):
                    third.send(hostile(rng, peer.agent.credentials.ufrag))
                await asyncio.sleep(0)

        async with serving(peer) as ends:
            await flood(500)
            async with client.connected():
                await flood(1500)
                await until(lambda: peer.connected)
                received = port.stats()["received"]
                records = len(caplog.records)
                await flood(3000)
                await until(lambda: port.stats()["received"] > received + 2000)
                client.say(10)
                await until(lambda: ear.frames >= 10)
                assert ends == {}
                assert len(caplog.records) < records + 20
                assert third.responses == []
        assert port.stats()["unknown_source"] + port.stats()["bad_stun"] > 2000
    client.close()
    third.close()


async def test_the_clients_own_noise_does_not_end_its_call() -> None:
    client, rng = Bare(), random.Random(8)
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer) as ends, client.connected():
            await until(lambda: peer.connected)
            for _ in range(1000):
                client.send(hostile(rng, peer.agent.credentials.ufrag))
            client.say(10)
            await until(lambda: ear.frames >= 10)
            assert ends == {}
    client.close()


@pytest.mark.parametrize("_", range(10))
async def test_a_hello_from_a_stranger_does_not_disturb_the_handshake(_: int) -> None:
    client, third = Bare(), Bare()
    async with media_port() as port:
        peer, _ear = join_bare(port, client, setup="active")
        third.remote = client.remote
        hello = bytes([22]) + b"\xfe\xfd\0\0" + bytes(6) + b"\0\x0c" + bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        third.send(hello)
        async with serving(peer), client.connected():
            third.send(hello)
            await until(lambda: peer.connected)
            assert peer.stats["disturbances"] == 0
    client.close()
    third.close()


# --- tracks -----------------------------------------------------------------------------------------------------------


async def test_a_call_is_a_track_and_takes_one() -> None:
    from tests.rtc.clients import Tone

    client = Bare()
    async with media_port() as port:
        peer, ear = join_bare(port, client)
        async with serving(peer), client.connected():
            await until(lambda: peer.connected)
            track = peer.track
            client.say(5)
            frame = await track.recv()
            assert (frame.samples, frame.sample_rate) == (RATE // 50, RATE)
            item = peer.play_track(Tone())
            await until(lambda: peer.played(item) > 200)
            await until(lambda: len(client.packets) > 5)
            assert ear.frames >= 5
        assert track.readyState == "ended"
    client.close()


def test_ice_events_all_have_a_handler() -> None:
    from mediaserver.rtc import peer

    assert set(peer._ON_ICE) == {
        ice.SourceKnown,
        ice.SourceForgotten,
        ice.PathNominated,
        ice.Restarted,
        ice.ConsentRefreshed,
    }
