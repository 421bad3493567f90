"""Messages in any order, cut short and with wrong fields: only our own errors, and answers stay well formed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.codec import Codec, Garbled, Message
from bridges.elevenlabs.codec import ElevenLabsCodec
from bridges.options import ElevenLabs, Ultravox
from bridges.ultravox.codec import UltravoxCodec
from mediaserver.bridge import Opening
from mediaserver.commands import Command, CreateItem, Interrupt, Respond
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.events import Event, InputCommitted, ResponseCreated, ResponseDone, TranscriptFinal
from mediaserver.items import Item, Part
from mediaserver.settings import Settings
from tests.bridges.recorded import recorded

SETTINGS = Settings("m", "Be brief.")
CASES = ("spoken_turn", "text_turn", "tool_call", "barge_in")
CODECS: dict[str, Callable[[], Codec]] = {
    "elevenlabs": lambda: ElevenLabsCodec(ElevenLabs(agent_id="a")),
    "ultravox": lambda: UltravoxCodec(Ultravox()),
}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.just([])
    | st.just({})
)


def served(provider: str) -> list[Message]:
    return [message for case in CASES for ours, message in recorded(provider, case) if not ours]


class Books:
    """Every answer begins once, ends once, and nothing is said of it outside; every turn is committed and written once."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.ended: set[str] = set()
        self.committed: set[str] = set()
        self.written: set[str] = set()

    def take(self, events: Any) -> None:
        for event in events:
            self.one(event)

    def one(self, event: Event) -> None:
        if isinstance(event, ResponseCreated):
            assert event.response_id not in self.open | self.ended
            self.open.add(event.response_id)
        elif isinstance(event, ResponseDone):
            self.open.remove(event.response_id)
            self.ended.add(event.response_id)
        elif isinstance(event, InputCommitted):
            assert event.item_id not in self.committed
            self.committed.add(event.item_id)
        elif isinstance(event, TranscriptFinal):
            assert event.item_id in self.committed - self.written
            self.written.add(event.item_id)
        elif type(event).__name__ not in ("ReplyCut",) and hasattr(event, "response_id"):
            assert event.response_id in self.open
        assert len(self.open) <= 1


def mutated(message: Message, path: int, value: Any) -> Message:
    """Put another value where some field is."""
    if isinstance(message, bytes):
        return message[: path % (len(message) + 1)]
    told = json.loads(message)
    holders = [told, *(each for each in told.values() if isinstance(each, dict))]
    holder = holders[path % len(holders)]
    if holder:
        holder[sorted(holder)[path % len(holder)]] = value
    return json.dumps(told)


def commands(number: int, books: Books) -> list[Command]:
    item = Item("item_u", role="user", parts=(Part("input_text", "hello"),))
    output = Item("item_o", "function_call_output", call_id="unknown", output="five")
    now = next(iter(books.open), f"resp_{number}")
    table: tuple[list[Command], ...] = (
        [CreateItem(item=item)],
        [CreateItem(item=item), Respond(response_id=f"resp_{number}", settings=SETTINGS)],
        [CreateItem(item=output)],
        [Interrupt(response_id=now, reason="client_cancelled")],
    )
    return table[number % len(table)]


@pytest.mark.parametrize("provider", CODECS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_order_of_anything(provider: str, data: st.DataObject) -> None:
    codec, books = CODECS[provider](), Books()
    codec.open(Opening(SETTINGS))
    messages = served(provider)
    codec.receive(messages[0])
    steps = data.draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10_000), VALUES), max_size=60))
    for number, (what, index, value) in enumerate(steps):
        message = messages[index % len(messages)]
        if what == 0:
            for command in commands(index * 100 + number * 4 + index % 4, books):
                codec.encode(command)
            continue
        if what == 1:
            books.take(codec.quiet())
            codec.hear(bytes(640))
            continue
        try:
            books.take(codec.receive(mutated(message, index, value) if what == 2 else message))
        except (Garbled, Unsupported):
            continue
        except BridgeError:
            return  # the provider's own end
        codec.replies()
