"""A Bridge is any way out: one provider's realtime socket, or the hybrid chain. A session holds one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mediaserver.commands import Command
from mediaserver.events import Event
from mediaserver.items import Item
from mediaserver.settings import Settings
from mediaserver.speech import TextToSpeech

Emit = Callable[[Event], None]
"""Where a bridge says what happened: a plain call on the event loop that never blocks and never raises."""

Feature = Literal[
    "manual_turns",  # turn_detection null: the client commits
    "semantic_vad",  # the provider has a turn detection that weighs what was said
    "turn_tuning",  # threshold, padding and silence of the turn detection can be chosen
    "no_interruption",  # interrupt_response false is honoured
    "no_auto_response",  # create_response false is honoured
    "clear_input",  # sound that was not committed can be forgotten
    "cancel",  # a response that is being made can be stopped
    "truncate",  # the provider can be told how much of a reply was heard
    "text_turns",  # a written turn of the user, and its answer
    "context_items",  # items that ask for no answer: system and assistant messages, history
    "delete_items",
    "respond",  # an answer can be asked for at any time (response.create)
    "response_settings",  # instructions, tools, voice for one response
    "out_of_band",  # responses that are no part of the conversation
    "text_output",  # answers that are written only
    "tools",  # functions are called
    "tool_declarations",  # ... and the session says which there are
    "tool_choice",
    "transcripts",  # the caller's words
    "partial_transcripts",  # before they are final
    "token_usage",
    "rate_limits",
    "resume",  # a new connection goes on where the old one ended
    "temperature",
    "speed",
    "max_output_tokens",
    "noise_reduction",
]
"""What a provider can do. A request for what it lacks is made up for by the session, or ``unsupported_by_provider``."""

SoundCodec = Literal["pcm", "opus"]

SpeechEvents = Literal["both", "start", "none"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a bridge can do, as data: what it lacks the session makes up for, or refuses.

    ``input_rate`` and ``output_rate`` in Hz, PCM16 mono. With ``input_codec`` "opus" it is given packets of 20 ms in their
    place, and with ``output_codec`` "opus" its sound comes in packets; the rates are then for whoever hears or plays PCM.
    ``hears``: ``speech`` = only between BeginSpeech and EndSpeech, ``always`` = every frame. ``turns``: ``session`` = our
    turn-taking drives it, ``provider`` = it takes turns itself, ``none`` = there are no turns (echo). ``live_output``: its
    audio comes in real time, as it is made, and wants a cushion rather than a queue. ``prepares``: it can begin an answer
    before the caller's turn is certain to be over.

    Of bridges with ``turns="provider"`` besides: ``remembers`` = it holds the conversation, so items are sent to it as they
    are made; ``can`` = its features; ``changes`` = the names of :class:`Settings` fields that may change in mid-session;
    ``speech_events`` = what it tells of the caller's speech by itself; ``goes_on_after_tools`` = it answers a function's
    output without being asked; ``max_session_s`` = its provider ends the session after so long.
    """

    input_rate: int = 16000
    output_rate: int = 24000
    input_codec: SoundCodec = "pcm"
    output_codec: SoundCodec = "pcm"
    hears: Literal["speech", "always"] = "speech"
    turns: Literal["session", "provider", "none"] = "session"
    live_output: bool = False
    prepares: bool = False
    text_output: bool = True
    tools: bool = True
    voices: tuple[str, ...] = ()
    remembers: bool = False
    can: frozenset[Feature] = frozenset()
    changes: frozenset[str] = frozenset()
    speech_events: SpeechEvents = "both"
    goes_on_after_tools: bool = False
    max_session_s: float | None = None


Remember = Callable[[TextToSpeech, str], TextToSpeech]
"""Puts a memory of one tenant before a voice, so that nothing is made twice; the text tells engines apart."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a bridge begins with: the settings, what was said before it came (after a failover), and a resumption handle.

    ``history`` are finished items in order, oldest first. ``resume`` is what an earlier leg's ``Resumable`` told.
    ``remember`` is there where speech is kept.
    """

    settings: Settings
    history: tuple[Item, ...] = field(default=())
    resume: str | None = None
    remember: Remember | None = None


class Bridge(Protocol):
    """One open way out for one session. Made by a factory, run once, closed by cancelling :meth:`run`."""

    @property
    def capabilities(self) -> Capabilities:
        """Fixed before :meth:`run`."""
        ...

    async def run(self, opening: Opening, emit: Emit, ready: Callable[[], None]) -> None:
        """Connect, call ``ready()`` once when audio and commands may come, and serve until cancelled.

        All tasks it needs live in a TaskGroup of its own inside this call. Raises BridgeError when the way out fails,
        returns when the far end finished by itself.
        """
        ...

    def hear(self, pcm: bytes) -> None:
        """Take one 20 ms frame at ``input_rate``, or its packet where ``input_codec`` is Opus.

        A plain call: bounded, never blocks, never raises.
        """
        ...

    def send(self, command: Command) -> None:
        """Take a command. A plain call; what cannot be done is answered by an event, Unsupported is raised at once."""
        ...


BridgeFactory = Callable[[str], Bridge]
"""Makes the bridge for a model name."""
