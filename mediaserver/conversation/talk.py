"""What goes on between a caller and a bridge: a dialogue whose turns we take, one whose turns we follow, or none."""

from __future__ import annotations

from typing import Literal, Protocol

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Edge
from mediaserver.commands import Command
from mediaserver.conversation.replies import Reply
from mediaserver.events import DigitPressed, Event, PlayoutFinished, PlayoutStarted
from mediaserver.items import Item
from mediaserver.settings import Settings

Owes = Literal["nothing", "due", "making"]
"""What the provider owes: an answer of which nothing has come yet, one that is being made, or nothing."""


class Talk(Protocol):
    """One way of talking; plain calls, one after the other, never one inside another."""

    @property
    def settings(self) -> Settings:
        """What is in force."""
        ...

    @property
    def state(self) -> str:
        """Where it is, in one word."""
        ...

    @property
    def idle(self) -> bool:
        """Nobody speaks, and no reply is being made or played."""
        ...

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        ...

    @property
    def owes(self) -> Owes:
        """What is to come from the provider."""
        ...

    @property
    def answers_outputs(self) -> bool:
        """The provider goes on by itself when it has a function's output."""
        ...

    @property
    def due(self) -> float | None:
        """When to tick, monotonic seconds."""
        ...

    def tick(self, now: float) -> None:
        """Do what is due."""
        ...

    def hear(self, pcm: bytes, at: float) -> Edge | Hint | None:
        """Take one frame; return the edge of speech in it, or a hint of one, if any."""
        ...

    def edge(self, edge: Edge | Hint) -> None:
        """Take an edge of speech, or a hint of one."""
        ...

    def happened(self, event: Event) -> None:
        """Take an event of the bridge."""
        ...

    def noted(self, event: PlayoutStarted | PlayoutFinished | DigitPressed) -> None:
        """Take what the caller's side reports."""
        ...

    def ask(self, command: Command) -> None:
        """Take a command of the client. Raises RequestError, Unsupported."""
        ...

    def give_output(self, item: Item, *, foreign: bool) -> None:
        """Give the provider a function's output. Raises Unsupported."""
        ...

    def pending(self) -> list[Reply]:
        """Return and forget what was asked for and not begun."""
        ...

    def leave(self) -> None:
        """Another one goes on: end what the client was told of the caller's speech, and let a held reply play."""
        ...

    def want(self, reply: Reply) -> None:
        """Have this reply made. Raises RequestError, Unsupported."""
        ...

    def go_on(self, instruction: str) -> None:
        """Have the model answer after a failover, as the instruction says. Raises RequestError, Unsupported."""
        ...
