"""The echo: the caller's own sound goes back through the whole path, to hear it and to measure it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mediaserver.bridge import Capabilities, Emit, Opening
from mediaserver.clock import new_id
from mediaserver.commands import Command, Respond
from mediaserver.errors import Unsupported
from mediaserver.events import AudioDelta, ResponseCreated

RATE = 24000


class EchoBridge:
    """Satisfies :class:`mediaserver.bridge.Bridge`: one endless response made of what is heard, frame by frame."""

    capabilities = Capabilities(
        input_rate=RATE,
        output_rate=RATE,
        hears="always",
        turns="none",
        live_output=True,
        text_output=False,
        tools=False,
    )

    def __init__(self) -> None:
        self._response_id = new_id("resp")
        self._item_id = new_id("item")
        self._emit: Emit | None = None

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Echo until cancelled."""
        emit(ResponseCreated(self._response_id))
        self._emit = emit
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._emit = None

    def hear(self, pcm: bytes) -> None:
        """Say one frame back at once; what comes before :meth:`run` is ready is not kept: an echo is of now."""
        if self._emit is not None:
            self._emit(AudioDelta(self._response_id, self._item_id, pcm))

    def send(self, command: Command) -> None:
        """Nothing to command; an answer cannot be had from an echo (Unsupported)."""
        if isinstance(command, Respond):
            raise Unsupported("the echo gives back what it hears and answers nothing")
