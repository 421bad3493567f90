import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.errors import Hangup, Overloaded, TooLarge, Unauthenticated
from signaling.socket import MAX_WAITING, Socket, cut, open_socket

Serve = Callable[[Socket], Awaitable[None]]
LIMIT_S = 20.0


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[ClientWebSocketResponse]:
    """Connect to a server that does this with its end of the socket; what it raises fails the test."""
    async with asyncio.TaskGroup() as tasks:

        async def handler(request: web.Request) -> web.StreamResponse:
            wire, socket = await open_socket(request, (), 1 << 16)
            # A task of its own, as a session is: the test server cancels handlers whose client has gone.
            await asyncio.wait((tasks.create_task(serve(socket)),))
            return wire

        app = web.Application()
        app.router.add_get("/", handler)
        async with (
            asyncio.timeout(2 * LIMIT_S),
            TestClient(TestServer(app)) as client,
            client.ws_connect("/", max_msg_size=1 << 26) as wire,
        ):
            yield wire


async def ends(socket: Socket, taken: list[str | bytes] | None = None) -> Hangup:
    """Serve until it is over, close, and return why."""

    async def take(message: str | bytes) -> None:
        if taken is not None:
            taken.append(message)

    try:
        await socket.serve(take)
    except Hangup as over:
        await socket.close(over.reason)
        return over
    raise AssertionError("serving ends by a hangup only")


async def test_messages_go_both_ways_in_order() -> None:
    taken: list[str | bytes] = []

    async def serve(socket: Socket) -> None:
        socket.send("one")
        socket.send(b"two")
        over = await ends(socket, taken)
        assert over.reason == "client_closed"

    async with served(serve) as wire:
        assert (await wire.receive_str(), await wire.receive_bytes()) == ("one", b"two")
        await wire.send_str("three")
        await wire.send_bytes(b"four")
    assert taken == ["three", b"four"]


@pytest.mark.parametrize(
    ("reason", "code", "word"),
    [
        ("client_closed", 1000, "client_closed"),
        ("provider_closed", 1000, "provider_closed"),
        ("idle", 1000, "idle"),
        ("max_duration", 1001, "max_duration"),
        ("server_shutdown", 1001, "server_shutdown"),
        ("provider_error", 1011, "upstream_error"),
        ("internal_error", 1011, "internal_error"),
        ("protocol_error", 1008, "bad_request"),
    ],
)
async def test_every_end_has_its_code_and_lets_out_what_was_said(reason: str, code: int, word: str) -> None:
    async def serve(socket: Socket) -> None:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(ends(socket))
            await asyncio.sleep(0)
            socket.send("the last word")
            await socket.close(reason)
            await socket.close("server_shutdown")
            await serving

    async with served(serve) as wire:
        assert await wire.receive_str() == "the last word"
        message = await wire.receive()
        assert (message.data, message.extra) == (code, word)


@pytest.mark.parametrize(
    ("error", "end"),
    [(Overloaded("full"), (1013, "rate_limited")), (Unauthenticated("no"), (1008, "unauthorized"))],
)
async def test_a_refusal_after_the_handshake(error: Overloaded, end: tuple[int, str]) -> None:
    async def serve(socket: Socket) -> None:
        socket.send("why")
        await socket.refuse(error)

    async with served(serve) as wire:
        assert await wire.receive_str() == "why"
        message = await wire.receive()
        assert (message.data, message.extra) == end


@pytest.mark.parametrize(
    ("hang_up", "end"),
    [
        (Socket.hang_up_binary, (1003, "bad_request")),
        (lambda socket: socket.hang_up_too_large(TooLarge("too much")), (1009, "too_large")),
    ],
    ids=["binary", "too large"],
)
async def test_what_the_protocol_has_no_place_for(hang_up: Callable[[Socket], None], end: tuple[int, str]) -> None:
    async def serve(socket: Socket) -> None:
        hang_up(socket)
        assert (await ends(socket)).reason == "protocol_error"

    async with served(serve) as wire:
        message = await wire.receive()
        assert (message.data, message.extra) == end


async def test_a_client_that_does_not_read_is_hung_up_and_costs_a_bounded_memory() -> None:
    async def serve(socket: Socket) -> None:
        async def flood() -> None:
            for _ in range(200):
                socket.send("x" * (1 << 17))
                assert socket._bytes <= MAX_WAITING + (1 << 17)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(ends(socket))
            tasks.create_task(flood())
        over = serving.result()
        assert over.reason == "connection_lost" and not socket._waiting

    async with served(serve) as wire:
        transport = wire.get_extra_info("socket")
        assert transport is not None
        connection = wire._conn
        assert connection is not None and connection.transport is not None
        connection.transport.pause_reading()  # type: ignore[attr-defined]  # a TCP window of 0, in the end
        await asyncio.sleep(0.5)


async def test_one_that_does_not_read_is_noticed_before_much_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.socket.WRITE_S", 0.3)
    sent, deaf, over = 0, asyncio.Event(), asyncio.Event()

    async def serve(server: Socket) -> None:
        async def talk() -> None:
            nonlocal sent
            await deaf.wait()
            while not server._stuck:
                server.send("x" * 1500)  # a frame of sound
                sent += 1500
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(ends(server))
            tasks.create_task(talk())
        over.set()
        assert serving.result().reason == "connection_lost"

    async with served(serve) as wire:
        plain, connection = wire.get_extra_info("socket"), wire._conn
        assert plain is not None and connection is not None and connection.transport is not None
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.transport.pause_reading()  # type: ignore[attr-defined]
        deaf.set()
        async with asyncio.timeout(LIMIT_S):
            await over.wait()
    assert 0 < sent < 1 << 20


async def test_what_is_too_long_or_no_text_is_the_clients_fault() -> None:
    for data in ("x" * 70_000, None):

        async def serve(socket: Socket) -> None:
            assert (await ends(socket)).reason == "protocol_error"

        async with served(serve) as wire:
            if data is None:
                await wire.send_frame(b"\xff", 1)  # type: ignore[arg-type]
            else:
                await wire.send_str(data)
            assert (await wire.receive()).data == (1007 if data is None else 1009)


async def test_nothing_is_sent_after_the_end() -> None:
    async def serve(socket: Socket) -> None:
        await ends(socket)
        socket.send("late")
        assert not socket._waiting

    async with served(serve):
        pass


@pytest.mark.parametrize(("reason", "size"), [("x" * 200, 123), ("ä" * 100, 122), ("", 0), ("€" * 41, 123)])
def test_a_close_reason_is_cut_between_characters(reason: str, size: int) -> None:
    made = cut(reason)
    assert len(made) == size and reason.startswith(made.decode())
