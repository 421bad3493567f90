import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bridges.link import ALL_BYTES, SOUND_BYTES, Link, Target, _give_up, open_link, refusal
from mediaserver.errors import BridgeError
from tests.servers.raw_websocket import BINARY, CLOSE, CONT, PING, PONG, TEXT, Peer, close, frame, raw_server

LONG_S = 20.0
Script = Callable[[Peer], Awaitable[None]]


async def stay(peer: Peer) -> None:
    while True:
        await peer.read()


def sends(*frames: bytes) -> Script:
    async def script(peer: Peer) -> None:
        peer.write(*frames)
        await stay(peer)

    return script


async def ending(script: Script, *, heard: list[str | bytes] | None = None, **target: int) -> tuple[int, str]:
    """Connect, listen, and return how it ended."""
    async with raw_server(script) as url, open_link(Target(url, **target), timeout=LONG_S) as link:
        link.listen([].append if heard is None else heard.append)
        async with asyncio.timeout(LONG_S):
            return await link.wait_closed()


async def failing(script: Script) -> BridgeError:
    with pytest.raises(BridgeError) as raised:
        await ending(script)
    return raised.value


async def test_sends_text_and_binary_and_hands_on_what_comes() -> None:
    async def echo(peer: Peer) -> None:
        while True:
            opcode, data = await peer.read()
            peer.write(close(1000) if opcode == CLOSE else frame(opcode, data))

    async with raw_server(echo) as url, open_link(Target(url, {"x-key": "k"}), timeout=LONG_S) as link:
        heard: asyncio.Queue[str | bytes] = asyncio.Queue(8)
        link.listen(heard.put_nowait)
        link.send("grüße")
        link.send(b"\x00\xff")
        link.send("sound", sound=True)
        async with asyncio.timeout(LONG_S):
            assert [await heard.get() for _ in range(3)] == ["grüße", b"\x00\xff", "sound"]
        assert (link.sent, link.received, link.dropped) == (3, 3, 0)


async def test_the_request_carries_headers_query_and_subprotocols() -> None:
    heads = []

    async def look(peer: Peer) -> None:
        heads.append(peer.head)

    async with raw_server(look) as url:
        target = Target(url, {"Authorization": "Bearer k"}, subprotocols=("realtime", "second"))
        async with open_link(target, timeout=LONG_S) as link:
            await link.wait_closed()
    assert heads[0].startswith("GET /v1?key=secret-in-the-query HTTP/1.1")
    assert "Authorization: Bearer k" in heads[0]
    assert "realtime, second" in heads[0]
    assert "secret" not in repr(target)
    assert "Bearer" not in repr(target)


async def test_fragments_are_one_message_also_with_a_ping_between() -> None:
    heard: list[str | bytes] = []
    script = sends(
        frame(TEXT, "grü".encode()[:3], fin=False),
        frame(PING, b"there?"),
        frame(CONT, "grü".encode()[3:], fin=False),
        frame(CONT, b"ezi"),
        frame(BINARY, b"\x00"),
        close(1000, "bye"),
    )
    assert await ending(script, heard=heard) == (1000, "bye")
    assert heard == ["grüezi", b"\x00"]


async def test_what_came_with_the_handshake_is_not_lost_however_late_the_listener() -> None:
    script = sends(frame(TEXT, b"first"), frame(TEXT, b"second"))
    async with raw_server(script) as url, open_link(Target(url), timeout=LONG_S) as link:
        await asyncio.sleep(0.1)
        heard: list[str | bytes] = []
        link.listen(heard.append)
        async with asyncio.timeout(LONG_S):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        assert heard == ["first", "second"]


async def test_pings_are_answered_and_sent() -> None:
    async def ask(peer: Peer) -> None:
        peer.write(frame(PING, b"there?"))
        assert await peer.read() == (PONG, b"there?")
        assert await peer.read() == (PING, b"")
        peer.write(frame(PONG), close(1000, "answered"))
        await stay(peer)

    async with raw_server(ask) as url, open_link(Target(url), timeout=LONG_S) as link:
        link.ping()
        async with asyncio.timeout(LONG_S):
            assert await link.wait_closed() == (1000, "answered")


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "later"), (1011, "crash"), (4000, "app")])
async def test_tells_how_the_far_end_closed_even_when_it_keeps_the_connection(code: int, reason: str) -> None:
    assert await ending(sends(close(code, reason))) == (code, reason)


async def test_a_close_without_a_code_is_1005_and_none_at_all_is_1006() -> None:
    async def vanish(peer: Peer) -> None:
        peer.writer.transport.abort()

    async def hang_up(peer: Peer) -> None:
        peer.writer.close()

    assert await ending(sends(frame(CLOSE))) == (1005, "")
    assert await ending(vanish) == (1006, "")
    assert await ending(hang_up) == (1006, "")


@pytest.mark.parametrize(
    "frames",
    [
        (frame(TEXT, b"a" * 2000),),
        (frame(TEXT, b"a" * 600, fin=False), frame(CONT, b"a" * 600)),
        (frame(BINARY, b"a" * 600, fin=False), *[frame(CONT, b"a" * 100, fin=False)] * 5),
    ],
)
async def test_too_large_a_message_ends_the_link_with_1009(frames: tuple[bytes, ...]) -> None:
    codes: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def flood(peer: Peer) -> None:
        peer.write(*frames)
        opcode, data = await peer.read()
        codes.put_nowait(bytes([opcode]) + data[:2])
        await stay(peer)

    async with raw_server(flood) as url, open_link(Target(url, max_message=1024), timeout=LONG_S) as link:
        async with asyncio.timeout(LONG_S):
            with pytest.raises(BridgeError) as raised:
                await link.wait_closed()
            assert raised.value.code == "too_large"
            assert await codes.get() == bytes([CLOSE]) + (1009).to_bytes(2)
        assert link.received == 0


async def test_a_message_over_a_mebibyte_is_too_large_by_default_and_one_below_is_not() -> None:
    heard: list[str | bytes] = []
    assert await ending(sends(frame(TEXT, b"a" * (1 << 20)), close(1000)), heard=heard) == (1000, "")
    assert len(heard[0]) == 1 << 20
    assert (await failing(sends(frame(TEXT, b"a" * ((1 << 20) + 1))))).code == "too_large"


@pytest.mark.parametrize(
    "junk",
    [
        frame(TEXT, b"\xff\xfe"),
        frame(TEXT, "\u20ac".encode()[:2]),
        frame(3, b"reserved"),
        frame(CONT, b"of nothing"),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(PING, b"a" * 126),
        b"\xf1\x01a",
        b"\x81\xff" + b"\xff" * 8,
    ],
)
async def test_what_is_no_websocket_ends_the_link(junk: bytes) -> None:
    failure = await failing(sends(junk))
    assert failure.code in ("protocol_error", "too_large")
    assert failure.retryable


async def test_empty_fragments_without_end_take_no_memory() -> None:
    async def drip(peer: Peer) -> None:
        peer.write(frame(TEXT, b"a", fin=False))
        for _ in range(20):
            peer.write(frame(CONT, b"", fin=False) * 1000)
            await peer.writer.drain()
        peer.write(frame(CONT, b"b"), close(1000))
        await stay(peer)

    heard: list[str | bytes] = []
    assert await ending(drip, heard=heard) == (1000, "")
    assert heard == ["ab"]


async def test_what_the_listener_raises_comes_out_where_the_end_is_waited_for() -> None:
    heard = []

    def listen(message: str | bytes) -> None:
        heard.append(message)
        raise BridgeError("enough", code="session_expired")

    script = sends(frame(TEXT, b"a"), frame(TEXT, b"b"))
    async with raw_server(script) as url, open_link(Target(url), timeout=LONG_S) as link:
        link.listen(listen)
        async with asyncio.timeout(LONG_S):
            with pytest.raises(BridgeError, match="enough"):
                await link.wait_closed()
        link.send("into the void")
        assert (heard, link.sent) == (["a"], 0)


@pytest.mark.parametrize(
    ("status", "header", "code", "retryable", "after"),
    [
        (401, "", "unauthorized", False, None),
        (403, "", "unauthorized", False, None),
        (429, "Retry-After: 7\r\n", "rate_limited", True, 7.0),
        (429, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", "rate_limited", True, None),
        (500, "", "unavailable", True, None),
        (503, "Retry-After: 1000000000\r\n", "unavailable", True, 1e9),
        (404, "", "refused", False, None),
        (200, "", "refused", False, None),
    ],
)
async def test_a_refused_handshake_says_why(
    status: int, header: str, code: str, retryable: bool, after: float | None
) -> None:
    async def refuse(peer: Peer) -> None:
        peer.write(f"HTTP/1.1 {status} No\r\n{header}Content-Length: 2\r\n\r\n{{}}".encode())
        await stay(peer)

    async with raw_server(refuse, accept=False) as url:
        with pytest.raises(BridgeError) as raised:
            async with open_link(Target(url), timeout=LONG_S):
                pass
    failure = raised.value
    assert (failure.code, failure.retryable, failure.retry_after) == (code, retryable, after)
    assert "secret" not in str(failure)


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b""],
)
async def test_what_is_no_handshake_is_unavailable(answer: bytes) -> None:
    async def nonsense(peer: Peer) -> None:
        peer.write(answer)

    async with raw_server(nonsense, accept=False) as url:
        with pytest.raises(BridgeError) as raised:
            async with open_link(Target(url), timeout=LONG_S):
                pass
    assert raised.value.code == "unavailable"


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with raw_server(stay, accept=False) as url:
        with pytest.raises(BridgeError) as raised:
            async with open_link(Target(url), timeout=0.2):
                pass
    assert raised.value.code == "timeout"


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/", "ws://" + "a" * 70 + ".example/"])
async def test_nobody_there_is_unavailable(url: str) -> None:
    with pytest.raises(BridgeError) as raised:
        async with open_link(Target(url), timeout=LONG_S):
            pass
    assert raised.value.code == "unavailable"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "nonsense", "ws://", "ws://host:port/?key=secret"])
async def test_an_address_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(BridgeError) as raised:
        async with open_link(Target(url), timeout=LONG_S):
            pass
    assert not raised.value.retryable
    assert url not in str(raised.value)


async def test_sound_is_dropped_and_nothing_else_when_the_far_end_does_not_read() -> None:
    async def deaf(peer: Peer) -> None:
        await asyncio.sleep(3600)

    async with raw_server(deaf) as url, open_link(Target(url), timeout=LONG_S) as link:
        block = b"s" * 64 * 1024
        for _ in range(1000):
            link.send(block, sound=True)
        assert link.dropped
        assert waiting(link) <= SOUND_BYTES + 2 * len(block)
        before = link.sent
        link.send("a control message")
        assert link.sent == before + 1
        for _ in range(200):
            link.send(block)
        assert waiting(link) <= ALL_BYTES + 2 * len(block)
        with pytest.raises(BridgeError, match="does not read"):
            await link.wait_closed()


def waiting(link: Link) -> int:
    assert link._transport is not None
    return link._transport.get_write_buffer_size()


async def test_a_flood_of_pings_whose_pongs_nobody_reads_ends_the_link() -> None:
    async def flood(peer: Peer) -> None:
        while True:
            peer.write(frame(PING, b"p" * 125) * 500)
            await peer.writer.drain()

    async with raw_server(flood) as url, open_link(Target(url), timeout=LONG_S) as link:
        async with asyncio.timeout(60):
            with pytest.raises(BridgeError, match="does not read"):
                await link.wait_closed()


async def test_cancelling_closes_the_connection_from_our_side() -> None:
    codes: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(1)

    async def look(peer: Peer) -> None:
        codes.put_nowait(await peer.read())
        peer.write(close(1000))
        await stay(peer)

    async def hold(url: str, opened: asyncio.Event) -> None:
        async with open_link(Target(url), timeout=LONG_S) as link:
            opened.set()
            await link.wait_closed()

    async with raw_server(look) as url, asyncio.TaskGroup() as tasks:
        opened = asyncio.Event()
        task = tasks.create_task(hold(url, opened))
        async with asyncio.timeout(LONG_S):
            await opened.wait()
            task.cancel()
            assert await codes.get() == (CLOSE, (1000).to_bytes(2))


async def test_a_far_end_that_does_not_answer_the_close_is_left_after_a_second() -> None:
    async def deaf(peer: Peer) -> None:
        await asyncio.sleep(3600)

    async with raw_server(deaf) as url, asyncio.timeout(LONG_S), open_link(Target(url), timeout=LONG_S):
        pass


def test_a_strange_retry_after_is_none() -> None:
    assert refusal(429, "²").retry_after is None
    assert refusal(429, "-1").retry_after is None
    assert refusal(429, " 30 ").retry_after == 30.0


async def test_who_gave_up_is_not_told_of_the_end() -> None:
    link = Link(Target("ws://127.0.0.1:1"))
    await _give_up(link)
    link.connection_lost(None)
    assert link._opened.cancelled()
