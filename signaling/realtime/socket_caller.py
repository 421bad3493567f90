"""A Caller on one WebSocket: the OpenAI contract with the sound inside its events (OpenAI Realtime reference, "WebSocket").

Sound comes in at the session's input format, as fast as the client likes. Sound goes out at the output format as soon as it
is made; the client plays it, and what it has played is reckoned until it says so itself (``conversation.item.truncate``).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mediaserver.audio.encodings import PCMA, PCMU, Encoding, Packer, Unpacker
from mediaserver.caller import Played
from mediaserver.clock import Clock, monotonic
from mediaserver.commands import ClearInput, Command, CommitInput, TruncateItem
from mediaserver.errors import TooLarge
from mediaserver.events import Event, SessionCreated
from signaling.realtime import extension
from signaling.realtime.codec import Append, RealtimeCodec, Refused
from signaling.socket import Socket
from signaling.socket_call import SocketCall

DELTA = 24_000
"""Bytes of sound in one ``response.output_audio.delta``: well below the 1 MiB that clients take in one message."""

_FORMATS = {"audio/pcm": Encoding("pcm", 24000), "audio/pcmu": PCMU, "audio/pcma": PCMA}


class SocketCaller(SocketCall):
    """See :class:`mediaserver.caller.Caller`. ``codec`` is the client's side of the contract, with sound in its terms.

    ``extended``: the client wants what the extension tells too, between the events of the contract.
    """

    def __init__(
        self, call_id: str, socket: Socket, codec: RealtimeCodec, clock: Clock = monotonic, *, extended: bool = False
    ) -> None:
        super().__init__(call_id, socket, clock)
        self._extended = extended
        self._codec = codec
        self._unpacker: Unpacker | None = None
        self._packer: Packer | None = None
        self._speaking = ""  # the item whose sound is on its way

    # --- what the session asks ----------------------------------------------------------------------------------------

    def play(self, item_id: str, pcm: bytes) -> None:
        """Send sound at once."""
        self._send_sound(item_id, self._packer_for(item_id).feed(pcm))
        if self.speaker is not None:
            self.speaker.add(item_id, pcm)

    def finish(self, item_id: str) -> None:
        """No more sound comes for this item: send what the filter still holds."""
        if self._packer is not None and self._speaking == item_id:
            self._send_sound(item_id, self._packer.flush())
            self._speaking = ""
        self._send(self._codec.sound_over(item_id))
        if self.speaker is not None:
            self.speaker.finish(item_id)

    def clear(self) -> tuple[Played, ...]:
        """Say how much of each unfinished item was heard; the client drops its own queue."""
        if self._packer is not None:
            self._packer.flush()
        self._speaking = ""
        played = super().clear()
        for one in played:
            self._send(self._codec.sound_over(one.item_id))
        return played

    def tell(self, event: Event) -> None:
        """Tell the client."""
        self._send(self._codec.write(event))
        if self._extended:
            self._extend(event)

    def _extend(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, SessionCreated):
            self.socket.send(extension.hello(now, self.id, event.session_id, event.settings))
        if (text := extension.write(event, now)) is not None:
            self.socket.send(text)

    # --- what the client says -----------------------------------------------------------------------------------------

    async def take(self, message: str | bytes) -> None:
        """Take an event; a binary message is no part of the contract and ends the call."""
        if isinstance(message, bytes):
            self.socket.hang_up_binary()
            return
        if self._extended and (pong := extension.answer(message, self._clock())) is not None:
            self.socket.send(pong)
            return
        try:
            command = self._codec.read(message)
            if isinstance(command, Append):
                await self.hear(self._unpacker_now(), command.sound())
            else:
                self._ask(command)
        except Refused as refused:
            self._refuse(refused)

    def _refuse(self, refused: Refused) -> None:
        error = refused.error
        if self.listener is not None:
            self.listener.refuse(error.message, error.code, refused.event_id, error.param)
        if isinstance(error, TooLarge):
            self.socket.hang_up_too_large(error)

    def _ask(self, command: Command) -> None:
        if isinstance(command, CommitInput):
            rest = None if self._unpacker is None else self._unpacker.flush()
            self.hear_frames([] if rest is None else [rest])
        elif isinstance(command, ClearInput) and self._unpacker is not None:
            self._unpacker.clear()
        elif isinstance(command, TruncateItem) and self.speaker is not None:
            self.speaker.cut(command.item_id, command.audio_end_ms)
        if self.listener is not None:
            self.listener.ask(command)

    # --- sound and text -----------------------------------------------------------------------------------------------

    def _unpacker_now(self) -> Unpacker:
        encoding = _encoding(self._codec.effective.input_format)
        if self._unpacker is None or self._unpacker.encoding != encoding:
            self._unpacker = Unpacker(encoding, self.hear_rate)
        return self._unpacker

    def _packer_for(self, item_id: str) -> Packer:
        encoding = _encoding(self._codec.effective.output_format)
        if self._packer is None or self._packer.encoding != encoding:
            self._packer = Packer(self.play_rate, encoding)
        elif self._speaking not in ("", item_id):
            self._packer.flush()
        self._speaking = item_id
        return self._packer

    def _send_sound(self, item_id: str, sound: bytes) -> None:
        for at in range(0, len(sound), DELTA):
            self._send(self._codec.sound(item_id, base64.b64encode(sound[at : at + DELTA]).decode()))

    def _send(self, texts: list[str]) -> None:
        for text in texts:
            self.socket.send(text)


def _encoding(said: Mapping[str, Any]) -> Encoding:
    return _FORMATS[said["type"]]
