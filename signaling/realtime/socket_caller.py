"""A Caller on one WebSocket: the OpenAI contract with the sound inside its events (OpenAI Realtime reference, "WebSocket").

Sound comes in at the session's input format, as fast as the client likes: frames are heard in order at once, a few at a
time, so that other calls are not starved. Sound goes out at the output format as soon as it is made; the client plays it,
and what it has played is reckoned until it says so itself (``conversation.item.truncate``).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode

from mediaserver.audio.encodings import PCMA, PCMU, Encoding, Packer, Unpacker
from mediaserver.caller import Listener, Played
from mediaserver.clock import FRAME_MS, Clock, monotonic
from mediaserver.commands import ClearInput, Command, CommitInput, TruncateItem
from mediaserver.errors import BadRequest, TooLarge
from mediaserver.events import Event
from signaling.loudspeaker import Loudspeaker
from signaling.realtime.codec import Append, RealtimeCodec, Refused
from signaling.socket import Socket

AT_ONCE = 10
"""Frames heard before others have their turn."""

AHEAD_S = 1.0
"""Sound that comes faster than real time counts as come up to this much later, so that no gap is seen behind it."""

DELTA = 24_000
"""Bytes of sound in one ``response.output_audio.delta``: well below the 1 MiB that clients take in one message."""

_FORMATS = {"audio/pcm": Encoding("pcm", 24000), "audio/pcmu": PCMU, "audio/pcma": PCMA}


class SocketCaller:
    """See :class:`mediaserver.caller.Caller`. ``codec`` is the client's side of the contract, with sound in its terms."""

    def __init__(self, call_id: str, socket: Socket, codec: RealtimeCodec, clock: Clock = monotonic) -> None:
        self.id = call_id
        self._socket = socket
        self._codec = codec
        self._clock = clock
        self._listener: Listener | None = None
        self._speaker: Loudspeaker | None = None
        self._hear_rate = self._play_rate = 0
        self._unpacker: Unpacker | None = None
        self._packer: Packer | None = None
        self._speaking = ""  # the item whose sound is on its way
        self._heard_at = 0.0

    # --- what the session asks ----------------------------------------------------------------------------------------

    def attach(self, listener: Listener, *, hear_rate: int, play_rate: int, live: bool) -> None:
        """Say who listens; the cushion that ``live`` sound wants is the client's business here."""
        self._listener, self._hear_rate, self._play_rate = listener, hear_rate, play_rate
        self._speaker = Loudspeaker(play_rate, listener.note, self._clock)

    def play(self, item_id: str, pcm: bytes) -> None:
        """Send sound at once."""
        packer = self._packer_for(item_id)
        self._send_sound(item_id, packer.feed(pcm))
        if self._speaker is not None:
            self._speaker.add(item_id, len(pcm))

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item: send what the filter still holds."""
        if self._packer is not None and self._speaking == item_id:
            self._send_sound(item_id, self._packer.flush())
            self._speaking = ""
        self._send(self._codec.sound_over(item_id))
        if self._speaker is not None:
            self._speaker.finish(item_id)

    def pause(self) -> None:
        """Reckon with a client that falls silent when it is told that somebody speaks."""
        if self._speaker is not None:
            self._speaker.pause()

    def resume(self) -> None:
        """Reckon with a client that plays on."""
        if self._speaker is not None:
            self._speaker.resume()

    def clear(self) -> tuple[Played, ...]:
        """Say how much of each unfinished item was heard; the client drops its own queue."""
        if self._packer is not None:
            self._packer.flush()
        self._speaking = ""
        played = () if self._speaker is None else self._speaker.clear()
        for one in played:
            self._send(self._codec.sound_over(one.item_id))
        return played

    def played(self, item_id: str) -> int:
        """Milliseconds of this item that were heard so far."""
        return 0 if self._speaker is None else self._speaker.played(item_id)

    def tell(self, event: Event) -> None:
        """Tell the client."""
        self._send(self._codec.write(event))

    async def run(self) -> None:
        """Serve the socket until it ends: raises Hangup with the reason."""
        try:
            await self._socket.serve(self._take)
        finally:
            if self._speaker is not None:
                self._speaker.stop()

    async def close(self, reason: str) -> None:
        """Say goodbye with the close code of this reason. Idempotent."""
        if self._speaker is not None:
            self._speaker.stop()
        await self._socket.close(reason)

    # --- what the client says -----------------------------------------------------------------------------------------

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._socket.hang_up("protocol_error", "binary messages are not part of this protocol",
                                 WSCloseCode.UNSUPPORTED_DATA, "bad_request")  # fmt: skip
            return
        try:
            command = self._codec.read(message)
            if isinstance(command, Append):
                await self._append(command)
            else:
                self._ask(command)
        except Refused as refused:
            self._refuse(refused)

    def _refuse(self, refused: Refused) -> None:
        error = refused.error
        if self._listener is not None:
            self._listener.refuse(error.message, error.code, refused.event_id, error.param)
        if isinstance(error, TooLarge):
            self._socket.hang_up("protocol_error", error.message, WSCloseCode.MESSAGE_TOO_BIG, "too_large")

    def _ask(self, command: Command) -> None:
        if isinstance(command, CommitInput):
            self._hear(*self._rest())
        elif isinstance(command, ClearInput) and self._unpacker is not None:
            self._unpacker.clear()
        elif isinstance(command, TruncateItem) and self._speaker is not None:
            self._speaker.cut(command.item_id, command.audio_end_ms)
        if self._listener is not None:
            self._listener.ask(command)

    async def _append(self, command: Append) -> None:
        try:
            sound = base64.b64decode(command.audio, validate=True)
        except (binascii.Error, ValueError):
            error = BadRequest("the sound is not valid base64", code="invalid_value", param="audio")
            raise Refused(error, command.event_id) from None
        unpacker = self._unpacker_now()
        size = unpacker.step * AT_ONCE
        for at in range(0, len(sound), size):
            self._hear(*unpacker.feed(sound[at : at + size]))
            if at + size < len(sound):
                await asyncio.sleep(0)

    def _rest(self) -> list[bytes]:
        rest = None if self._unpacker is None else self._unpacker.flush()
        return [] if rest is None else [rest]

    def _hear(self, *frames: bytes) -> None:
        if self._listener is None:
            return
        now = self._clock()
        for frame in frames:
            self._heard_at = min(max(now, self._heard_at + FRAME_MS / 1000), now + AHEAD_S)
            self._listener.hear(frame, self._heard_at)

    # --- sound and text -----------------------------------------------------------------------------------------------

    def _unpacker_now(self) -> Unpacker:
        encoding = _encoding(self._codec.effective.input_format)
        if self._unpacker is None or self._unpacker.encoding != encoding:
            self._unpacker = Unpacker(encoding, self._hear_rate)
        return self._unpacker

    def _packer_for(self, item_id: str) -> Packer:
        encoding = _encoding(self._codec.effective.output_format)
        if self._packer is None or self._packer.encoding != encoding:
            self._packer = Packer(self._play_rate, encoding)
        elif self._speaking not in ("", item_id):
            self._packer.flush()
        self._speaking = item_id
        return self._packer

    def _send_sound(self, item_id: str, sound: bytes) -> None:
        for at in range(0, len(sound), DELTA):
            self._send(self._codec.sound(item_id, base64.b64encode(sound[at : at + DELTA]).decode()))

    def _send(self, texts: list[str]) -> None:
        for text in texts:
            self._socket.send(text)


def _encoding(said: Mapping[str, Any]) -> Encoding:
    return _FORMATS[said["type"]]
