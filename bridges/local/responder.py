"""The built-in demo dialogue. It is not a language model: a table of rules, enough for a first try without key or network.

It has the interface of the real ones, so that Ollama or any OpenAI-compatible server takes its place by configuration.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import datetime

from bridges.local.demo_tools import arguments, spoken_result, wanted_tool
from bridges.local.numbers import calculate, in_figures, in_words, spoken_number
from mediaserver.clock import new_id
from mediaserver.items import Usage
from mediaserver.speech import FREE, Message, Piece, Terms, ToolRequest

WHAT_I_AM = "I am the built-in demo dialogue, not a language model."
_ABILITIES = (
    "I can tell the time and the date, do sums, count, spell a word, repeat after you, remember your name, "
    "and tell a story. Try: what is seven times eight. Or: count to twenty, and interrupt me."
)
_STORY = (
    "Once upon a time there was a small lighthouse at the end of a long pier. Every evening it lit its lamp, "
    "and every evening the ships sailed by without a word. One night the fog came in so thick that the lamp could not "
    "be seen. So the lighthouse began to hum, quietly at first, and then as loud as it could. The ships heard it and "
    "turned away from the rocks. In the morning the sailors came to the pier to say thank you. Since then the "
    "lighthouse hums every night, and the ships hum back. That is the end of the story."
)
_COUNT_LIMIT = 100
_PIECE = re.compile(r"\S+\s*")

Now = Callable[[], datetime]


class Turn:
    """What a rule may look at: the words of the caller, those before, and the time."""

    def __init__(self, said: str, before: Sequence[str], now: datetime) -> None:
        self.said = said
        self.before = before
        self.now = now


Rule = Callable[[Turn, re.Match[str]], str | None]


def _greet(turn: Turn, found: re.Match[str]) -> str:
    name = _known_name([*turn.before, turn.said])
    return f"Hello{f' {name}' if name else ''}! {WHAT_I_AM} Ask me what I can do."


def _time(turn: Turn, found: re.Match[str]) -> str:
    return f"It is {turn.now.hour}:{turn.now.minute:02}."


def _date(turn: Turn, found: re.Match[str]) -> str:
    return f"Today is {turn.now:%A}, {turn.now:%B} {turn.now.day}, {turn.now.year}."


def _sum(turn: Turn, found: re.Match[str]) -> str | None:
    try:
        value = calculate(found[1])
    except ZeroDivisionError:
        return "Nobody can divide by zero, and neither can I."
    return None if value is None else f"{found[1].strip()} is {in_figures(value)}.".capitalize()


def _count(turn: Turn, found: re.Match[str]) -> str:
    wanted = spoken_number(found[1])
    last = 10 if wanted is None else max(1, min(_COUNT_LIMIT, int(wanted)))
    return ", ".join(map(in_words, range(1, last + 1))).capitalize() + "."


def _spell(turn: Turn, found: re.Match[str]) -> str:
    return f"{found[1].capitalize()} is spelled: {', '.join(found[1].upper())}."


def _repeat(turn: Turn, found: re.Match[str]) -> str:
    return f"{found[1].strip().capitalize()}."


def _take_name(turn: Turn, found: re.Match[str]) -> str:
    return f"Nice to meet you, {found[1].capitalize()}. I will remember your name for this call."


def _say_name(turn: Turn, found: re.Match[str]) -> str:
    name = _known_name(turn.before)
    return f"Your name is {name}." if name else "You have not told me your name yet. Say: my name is, and your name."


def _say_before(turn: Turn, found: re.Match[str]) -> str:
    return f"Before that I heard: {turn.before[-1]}." if turn.before else "That was the first thing you said."


def _fixed(text: str) -> Rule:
    return lambda turn, found: text


_NAME = re.compile(r"\bmy name is (\w+)")

RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"^(?:please )?(?:repeat after me|say after me|repeat|say)[,:]? (.+)", _repeat),
        (r"\bspell (?:the word )?([a-z']+)", _spell),
        (r"\bcount (?:up )?(?:from one )?to ([\w ]+)", _count),
        (r"\bcount()\b", _count),
        (r"\bmy name is (\w+)", _take_name),
        (r"\b(?:what is|what's|do you know|say) my name\b", _say_name),
        (r"\bwhat did i (?:just )?(?:say|ask)", _say_before),
        (r"\b(?:what can you do|help me|help|what do you know)\b", _fixed(f"{WHAT_I_AM} {_ABILITIES}")),
        (r"\b(?:who|what) are you\b", _fixed(f"{WHAT_I_AM} I run on this server and need no key and no network.")),
        (r"\b(?:what time|what's the time|what is the time|the time)\b", _time),
        (r"\b(?:what day|what date|the date|today's date|day is it)\b", _date),
        (r"(?:what is|what's|how much is|calculate|compute) (.+)", _sum),
        (r"^(.+)$", _sum),
        (r"\b(?:story|long text|talk for a while)\b", _fixed(_STORY)),
        (r"\b(?:thanks|thank you)\b", _fixed("You are welcome.")),
        (r"\b(?:goodbye|good bye|bye|see you)\b", _fixed("Goodbye! Thank you for calling.")),
        (r"^(?:stop|be quiet|quiet|shut up|never mind)$", _fixed("All right.")),
        (r"\bhow are you\b", _fixed("I am fine, thank you. How are you?")),
        (r"^(?:hello|hi|hey|good (?:morning|afternoon|evening))\b", _greet),
    )
)


def answer(turn: Turn) -> str:
    """Return what the first rule that has an answer says; what no rule knows is repeated."""
    if not turn.said:
        return "I did not hear any words."
    for pattern, rule in RULES:
        found = pattern.search(turn.said)
        if found and (text := rule(turn, found)) is not None:
            return text
    return f"I heard: {turn.said}."


class Responder:
    """Satisfies :class:`mediaserver.speech.LanguageModel` with :data:`RULES`; ``now`` is the local time it tells."""

    def __init__(self, now: Now = datetime.now) -> None:
        self._now = now

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        """Yield the answer word by word, or one tool request; counts characters as its usage.

        ``max_tokens`` counts words here; the temperature changes nothing.
        """
        said = [_plain(message.text) for message in messages if message.role == "user"]
        request = _request(messages, said, terms)
        text = "" if request else self._text(messages, said)
        for piece in _words(text, terms.max_tokens):
            yield piece
            await asyncio.sleep(0)  # as a real model does: the reader works while the rest is written
        if request:
            yield request
        yield Usage(characters=len(text))

    def _text(self, messages: Sequence[Message], said: list[str]) -> str:
        last = messages[-1] if messages else Message("user")
        if last.role == "tool":
            return f"Here is what the tool says: {spoken_result(last.text)}."
        if not said:
            return f"Hello! {WHAT_I_AM} Say something, and I will answer."
        return answer(Turn(said[-1], said[:-1], self._now()))


def _request(messages: Sequence[Message], said: list[str], terms: Terms) -> ToolRequest | None:
    """The tool to call: the one that must be, or the one that the caller's words name. Never twice for the same words."""
    tools, choice = terms.tools, terms.tool_choice
    if not said or choice == "none" or messages[-1].role != "user":
        return None
    named = next((tool for tool in tools if tool.name == choice), None)
    tool = named or wanted_tool(said[-1], tools) or (tools[0] if tools and choice == "required" else None)
    return ToolRequest(new_id("call"), tool.name, arguments(said[-1], tool)) if tool else None


def _words(text: str, limit: int | None) -> Iterator[str]:
    for count, found in enumerate(_PIECE.finditer(text)):
        if limit is not None and count >= limit:
            return
        yield found[0]


def _plain(text: str) -> str:
    """Lower case, no punctuation but what numbers and words need."""
    return " ".join(re.sub(r"[^\w\s'+*/.,-]|[.,](?!\d)", " ", text.lower()).split())


def _known_name(said: Sequence[str]) -> str:
    names = [found[1] for line in said for found in [_NAME.search(line)] if found]
    return names[-1].capitalize() if names else ""
