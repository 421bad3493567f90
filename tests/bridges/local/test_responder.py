from datetime import datetime

import pytest

from bridges.local.responder import WHAT_I_AM, Responder
from mediaserver.items import Usage
from mediaserver.settings import Tool
from mediaserver.speech import Message, Piece, Terms, ToolRequest

NOW = datetime(2026, 3, 5, 14, 7)
WEATHER = Tool("get_weather", "Weather of a city", {"properties": {"city": {"type": "string"}}, "required": ["city"]})


async def pieces(*said: str | Message, **options: object) -> list[Piece]:
    messages = [Message("user", line) if isinstance(line, str) else line for line in said]
    return [piece async for piece in Responder(lambda: NOW).reply(messages, Terms(**options))]  # type: ignore[arg-type]


async def text(*said: str | Message, **options: object) -> str:
    return "".join(piece for piece in await pieces(*said, **options) if isinstance(piece, str))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What time is it?", "It is 14:07."),
        ("what's the date today", "Today is Thursday, March 5, 2026."),
        ("What is seven times eight?", "Seven times eight is 56."),
        ("how much is 12.5 plus 3", "12.5 plus 3 is 15.5."),
        ("ten divided by zero", "Nobody can divide by zero, and neither can I."),
        ("count to five", "One, two, three, four, five."),
        ("please count", "One, two, three, four, five, six, seven, eight, nine, ten."),
        ("spell cat", "Cat is spelled: C, A, T."),
        ("repeat after me the quick brown fox", "The quick brown fox."),
        ("what is my name", "You have not told me your name yet. Say: my name is, and your name."),
        ("what did I say before", "That was the first thing you said."),
        ("thank you very much", "You are welcome."),
        ("go forward ten meters", "I heard: go forward ten meters."),
        ("", "I did not hear any words."),
    ],
)
async def test_answers(said: str, answer: str) -> None:
    assert await text(said) == answer


@pytest.mark.parametrize("said", ["hello there", "what can you do", "who are you"])
async def test_says_what_it_is(said: str) -> None:
    assert WHAT_I_AM in await text(said)


async def test_counts_no_further_than_a_hundred() -> None:
    assert (await text("count to one million")).endswith("ninety nine, one hundred.")


async def test_remembers_within_the_call() -> None:
    said = ("my name is anna", Message("assistant", "Nice to meet you."))
    assert await text(*said, "what is my name") == "Your name is Anna."
    assert await text(*said, "what did I just say") == "Before that I heard: my name is anna."


async def test_writes_piece_by_piece_and_counts_at_the_end() -> None:
    *words, usage = await pieces("tell me a story")
    assert len(words) > 50
    assert usage == Usage(characters=len("".join(map(str, words))))


async def test_an_empty_conversation_is_greeted() -> None:
    assert (await text()).startswith("Hello!")


async def test_max_tokens_counts_words() -> None:
    assert await text("tell me a story", max_tokens=3) == "Once upon a "


async def test_calls_the_tool_that_is_named_and_reads_its_result() -> None:
    said = "what is the weather in oslo"
    call = next(piece for piece in await pieces(said, tools=[WEATHER]) if isinstance(piece, ToolRequest))
    assert (call.name, call.arguments) == ("get_weather", '{"city": "oslo"}')
    after = (said, Message("assistant", calls=(call,)), Message("tool", '{"sky": "clear"}', call_id=call.call_id))
    assert await text(*after, tools=[WEATHER]) == "Here is what the tool says: sky clear."


@pytest.mark.parametrize(("choice", "calls"), [("none", 0), ("required", 1), ("get_weather", 1), ("auto", 0)])
async def test_obeys_the_tool_choice(choice: str, calls: int) -> None:
    said = "what is the weather in oslo" if choice == "none" else "tell me something"
    found = [
        piece for piece in await pieces(said, tools=[WEATHER], tool_choice=choice) if isinstance(piece, ToolRequest)
    ]
    assert len(found) == calls
