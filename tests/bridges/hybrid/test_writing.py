"""What a language model is asked, and what nobody counted."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from bridges.hybrid.writing import estimated, written
from bridges.options import Deadlines
from mediaserver.settings import Settings, Tool
from mediaserver.speech import FREE, Message, Piece, Terms, ToolRequest


class Mind:
    def __init__(self) -> None:
        self.told: tuple[Any, Terms] = ((), FREE)

    async def reply(self, messages: Any, terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        self.told = (messages, terms)
        yield "yes"


@pytest.mark.parametrize(
    ("choice", "told"), [("auto", "auto"), ("none", "none"), ({"type": "function", "name": "book"}, "book")]
)
async def test_the_settings_reach_the_model(choice: Any, told: str) -> None:
    mind, tools = Mind(), (Tool("book"),)
    settings = Settings("m", tools=tools, tool_choice=choice, max_output_tokens=9, temperature=0.5)
    messages = [Message("user", "hi")]
    assert [piece async for piece in written(mind, messages, settings, Deadlines())] == ["yes"]
    assert mind.told == (messages, Terms(tools, told, 9, 0.5))


def test_four_letters_are_a_token() -> None:
    call = ToolRequest("c", "f", "{}")
    usage = estimated([Message("user", "12345678"), Message("assistant", calls=(call,))], 5)
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (3, 2, "metered")
