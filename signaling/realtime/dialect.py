"""What a WebRTC caller speaks: the OpenAI contract on ``oai-events`` and our own page's channel beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mediaserver.caller import Listener
from mediaserver.clock import Clock, monotonic
from mediaserver.events import Event, Problem, SessionCreated
from signaling.realtime import extension
from signaling.realtime.codec import RealtimeCodec, Refused, Terms
from signaling.realtime.effective import Effective

LABEL = "oai-events"
MAX_KEPT = 512
"""Messages kept before the channel is open; beyond this the oldest are forgotten."""

Send = Callable[[str], None]


class RealtimeDialect:
    """Satisfies :class:`mediaserver.caller.Dialect`. Plain calls that never raise, except what ``send`` raises.

    ``channels``: whether the caller offered any; for one without nothing is kept.
    """

    def __init__(
        self,
        effective: Effective,
        call_id: str,
        clock: Clock = monotonic,
        *,
        terms: Terms | None = None,
        channels: bool = True,
    ) -> None:
        self._codec = RealtimeCodec(effective, terms)
        self._call_id = call_id
        self._clock = clock
        self._listener: Listener | None = None
        self._send: Send | None = None
        self._send_extension: Send | None = None
        self._greeted = False
        self._first: list[str] = []
        self._kept: deque[str] = deque(maxlen=MAX_KEPT if channels else 0)

    def effective(self) -> Effective:
        """Return the session as the client sees it."""
        return self._codec.effective

    def attach(self, listener: Listener) -> None:
        """Say who takes the commands."""
        self._listener = listener

    def opened(self, label: str, send: Send) -> None:
        """A channel is open: send what was kept, ``session.created`` first. Other labels are left alone."""
        if label == LABEL:
            self._send = send
            waiting = (*self._first, *self._kept)
            self._first.clear()
            self._kept.clear()
            for text in waiting:
                send(text)
        elif label == extension.LABEL:
            self._send_extension, self._greeted = send, False
            self._greet()

    def received(self, label: str, text: str | bytes) -> None:
        """Take a message: a command for the listener, or a refusal that names the client's event."""
        if label == LABEL:
            self._take(text)
        elif label == extension.LABEL:
            self._extend(extension.answer(text, self._clock()))

    def closed(self, label: str) -> None:
        """The channel is gone; what is told from now on is kept as before it opened."""
        if label == LABEL:
            self._send = None
        elif label == extension.LABEL:
            self._send_extension = None

    def tell(self, event: Event) -> None:
        """Write an event to the channels that want it."""
        texts = self._codec.write(event)
        if self._send is not None:
            for text in texts:
                self._send(text)
        elif isinstance(event, SessionCreated):
            self._first.extend(texts)
        else:
            self._kept.extend(texts)
        self._greet()
        if self._greeted:
            self._extend(extension.write(event, self._clock()))

    def _take(self, text: str | bytes) -> None:
        try:
            command = self._codec.read(text)
        except Refused as refused:
            self._refuse(refused)
            return
        if self._listener is not None:
            self._listener.ask(command)

    def _refuse(self, refused: Refused) -> None:
        error = refused.error
        if self._listener is not None:
            self._listener.refuse(error.message, error.code, refused.event_id, error.param)
        else:
            self.tell(Problem(error.message, error.code, error.type, error.param, refused.event_id))

    def _greet(self) -> None:
        if self._greeted or self._send_extension is None or not self._codec.session_id:
            return
        self._greeted = True
        settings = self._codec.effective.settings
        self._extend(extension.hello(self._clock(), self._call_id, self._codec.session_id, settings))

    def _extend(self, text: str | None) -> None:
        if text is not None and self._send_extension is not None:
            self._send_extension(text)
