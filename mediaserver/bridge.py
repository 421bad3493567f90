"""A Bridge is any way out: one provider's realtime socket, or the hybrid chain. A session holds exactly one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from mediaserver.commands import Command
from mediaserver.events import Event
from mediaserver.settings import Settings

Emit = Callable[[Event], None]
"""Where a bridge says what happened: a plain call on the event loop that never blocks and never raises."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a bridge can do, as data: what it lacks the session makes up for, or refuses.

    ``input_rate`` and ``output_rate`` in Hz, PCM16 mono. ``hears``: ``speech`` = only between BeginSpeech and EndSpeech,
    ``always`` = every frame. ``turns``: ``session`` = our turn-taking drives it, ``provider`` = it takes turns itself,
    ``none`` = there are no turns (echo). ``live_output``: its audio comes in real time, as it is made, and wants a cushion
    rather than a queue.
    """

    input_rate: int = 16000
    output_rate: int = 24000
    hears: Literal["speech", "always"] = "speech"
    turns: Literal["session", "provider", "none"] = "session"
    live_output: bool = False
    text_output: bool = True
    tools: bool = True
    voices: tuple[str, ...] = ()


class Bridge(Protocol):
    """One open way out for one session. Made by a factory, run once, closed by cancelling :meth:`run`."""

    @property
    def capabilities(self) -> Capabilities:
        """Fixed before :meth:`run`."""
        ...

    async def run(self, settings: Settings, emit: Emit, ready: Callable[[], None]) -> None:
        """Connect, call ``ready()`` once when audio and commands may come, and serve until cancelled.

        All tasks it needs live in a TaskGroup of its own inside this call. Raises BridgeError when the way out fails,
        returns when the far end finished by itself.
        """
        ...

    def hear(self, pcm: bytes) -> None:
        """Take one 20 ms frame at ``input_rate``. A plain call: bounded, never blocks, never raises."""
        ...

    def send(self, command: Command) -> None:
        """Take a command. A plain call; what cannot be done is answered by an event, Unsupported is raised at once."""
        ...


BridgeFactory = Callable[[str], Bridge]
"""Makes the bridge for a model name."""
