"""RTVI on the data channel ``chat`` that Pipecat's small-webrtc-transport opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mediaserver.caller import Listener
from mediaserver.commands import Command, UpdateSession
from mediaserver.errors import Hangup, RequestError
from mediaserver.events import Event, Problem
from mediaserver.settings import Settings
from signaling.rtvi.codec import Refused, RtviCodec, text
from signaling.rtvi.reader import Asked
from signaling.rtvi.wire import signalling

LABEL = "chat"
MAX_KEPT = 512
"""Messages kept while no channel is open, before the first and between two; beyond this the oldest are forgotten."""

Send = Callable[[str], None]
Permit = Callable[[Settings], None]


class RtviDialect:
    """Satisfies :class:`mediaserver.caller.Dialect`. Plain calls that never raise, except what ``send`` raises.

    It outlives the channel: a client that comes back on another connection is told what happened meanwhile. ``permit``
    raises RequestError for settings that the client's key does not grant. A client that asks for the end is hung up by
    raising Hangup, as one that does not keep up is.
    """

    def __init__(self, codec: RtviCodec, permit: Permit) -> None:
        self._codec = codec
        self._permit = permit
        self._listener: Listener | None = None
        self._send: Send | None = None
        self._kept: deque[str] = deque(maxlen=MAX_KEPT)
        self._asking = ""
        self._failed = False

    def attach(self, listener: Listener) -> None:
        """Say who takes the commands."""
        self._listener = listener

    def opened(self, label: str, send: Send) -> None:
        """A channel is open: send what was kept. Other labels are left alone."""
        if label != LABEL:
            return
        self._send = send
        while self._kept:
            send(self._kept.popleft())

    def closed(self, label: str) -> None:
        """The channel is gone; what is told from now on is kept."""
        if label == LABEL:
            self._send = None

    def received(self, label: str, said: str | bytes) -> None:
        """Take a message: what it asks goes to the listener, a refusal back to the client."""
        if label != LABEL:
            return
        try:
            self._ask(self._codec.read(said))
        except Refused as refused:
            self._say(refused.text)

    def tell(self, event: Event) -> None:
        """Write an event to the channel; some make us ask for what follows."""
        if isinstance(event, Problem) and event.client_event_id and event.client_event_id == self._asking:
            self._failed = True
        told = self._codec.write(event)
        for line in told.texts:
            self._say(line)
        for command in told.commands:
            self._pass(command)

    def _ask(self, asked: Asked) -> None:
        self._asking = next((c.event_id for c in asked.commands if c.event_id), "")
        self._failed = False
        for command in asked.commands:
            if not self._failed:
                self._pass(command)
        self._asking = ""
        for key in asked.keys:
            if self._listener is not None:
                self._listener.note(key)
        if asked.answer is not None and not self._failed:
            self._say(text(asked.answer))
        if asked.goodbye:
            self._say(text(signalling("peerLeft")))
            raise Hangup("client_closed", "the client asked for the end")

    def _pass(self, command: Command) -> None:
        if self._listener is None:
            return
        try:
            if isinstance(command, UpdateSession):
                self._permit(command.settings)
        except RequestError as error:
            self._listener.refuse(error.message, error.code, command.event_id, error.param)
            return
        self._listener.ask(command)

    def _say(self, line: str) -> None:
        if self._send is not None:
            self._send(line)
        else:
            self._kept.append(line)
