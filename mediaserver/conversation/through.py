"""A bridge that has no turns: sound and commands go through, events come back."""

from __future__ import annotations

from dataclasses import replace

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Edge
from mediaserver.audio.packets import ready
from mediaserver.caller import Loudspeaker
from mediaserver.commands import Command, UpdateSession
from mediaserver.conversation.audience import play
from mediaserver.conversation.outbox import Outbox
from mediaserver.conversation.replies import Reply
from mediaserver.conversation.talk import Owes
from mediaserver.events import (
    AudioDelta,
    AudioDone,
    DigitPressed,
    Event,
    PlayoutFinished,
    PlayoutStarted,
    SessionUpdated,
)
from mediaserver.items import Item
from mediaserver.settings import Settings


class Through:
    """Satisfies :class:`mediaserver.conversation.talk.Talk` and does as little as can be for each frame."""

    state = "listening"
    idle = True
    speaking = False
    answers_outputs = False
    owes: Owes = "nothing"
    due: float | None = None

    def __init__(self, caller: Loudspeaker, settings: Settings, outbox: Outbox) -> None:
        self.settings = settings
        self._caller = caller
        self._outbox = outbox

    def hear(self, pcm: bytes, _at: float) -> Edge | None:
        """Take one frame."""
        self._outbox.hear(pcm)
        return None

    def edge(self, edge: Edge | Hint) -> None:
        """There are none: nobody looks for them."""

    def happened(self, event: Event) -> None:
        """Play sound, tell the rest."""
        if isinstance(event, AudioDelta):
            play(self._caller, event.item_id, [ready(packet) for packet in event.packets] or event.pcm)
            return
        if isinstance(event, AudioDone):
            self._caller.finish(event.item_id)
        self._caller.tell(event)

    def noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Pass keys on to the client; what is played is the bridge's business."""
        if isinstance(event, DigitPressed):
            self._caller.tell(event)

    def ask(self, command: Command) -> None:
        """Pass a command on. Raises Unsupported."""
        if isinstance(command, UpdateSession):
            command = replace(command, settings=replace(command.settings, model=self.settings.model))
            self._outbox.send(command)
            self.settings = command.settings
            self._caller.tell(SessionUpdated(self.settings))
        else:
            self._outbox.send(command)

    def pending(self) -> list[Reply]:
        """Nothing is asked for."""
        return []

    def leave(self) -> None:
        """Nothing has begun."""

    def want(self, reply: Reply) -> None:
        """There are no answers."""

    def go_on(self, instruction: str) -> None:
        """There is nothing to go on with."""

    def give_output(self, item: Item, *, foreign: bool) -> None:
        """There are no functions."""

    def tick(self, now: float) -> None:
        """Nothing is waited for."""
