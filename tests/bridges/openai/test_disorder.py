"""Messages in any order, repeated, and with wrong fields: only our own errors, and every response begins and ends once."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.codec import Garbled
from mediaserver.bridge import Opening
from mediaserver.commands import Interrupt, Respond
from mediaserver.errors import BridgeError
from mediaserver.events import ResponseCreated, ResponseDone
from tests.bridges.openai.recording import CASES, FOLDER, SETTINGS, SIMULATORS, codec_for

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just([]) | st.just({})


@cache
def served(provider: str) -> list[str]:
    texts = [(FOLDER / provider / f"{case}.jsonl").read_text() for case in CASES]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    return [row["text"] for row in rows if row["from"] == "server"]


def mutated(message: str, path: int, value: Any) -> str:
    """Put another value where some field is."""
    told = json.loads(message)
    holders = [told, *(each for each in told.values() if isinstance(each, dict) and each)]
    holder = holders[path % len(holders)]
    holder[sorted(holder)[path % len(holder)]] = value
    return json.dumps(told)


class Books:
    """Which responses are open."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.ended: set[str] = set()

    def take(self, events: Any) -> None:
        for event in events:
            name = getattr(event, "response_id", None)
            if isinstance(event, ResponseCreated):
                assert name not in self.open | self.ended
                self.open.add(event.response_id)
            elif isinstance(event, ResponseDone):
                self.open.remove(event.response_id)
                self.ended.add(event.response_id)
            elif name is not None and type(event).__name__ != "ResponseRefused":
                assert name in self.open


@pytest.mark.parametrize("provider", SIMULATORS)
@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10_000), VALUES), max_size=60))
def test_any_order_of_anything(provider: str, steps: list[tuple[int, int, Any]]) -> None:
    codec, _ = codec_for(provider)
    codec.open(Opening(SETTINGS))
    books, messages = Books(), served(provider)
    for number, (what, index, value) in enumerate(steps):
        message = messages[index % len(messages)]
        try:
            if what == 0:
                codec.encode(Respond(response_id=f"ours{number}", settings=SETTINGS))
                codec.encode(Interrupt(response_id=next(iter(books.open), f"ours{number}")))
            elif what == 1:
                books.take(codec.quiet())
                codec.hear(bytes(960))
            else:
                books.take(codec.receive(mutated(message, index, value) if what == 2 else message))
        except Garbled:
            continue
        except BridgeError:
            return  # the provider's own end
        codec.replies()
