"""What a language model is asked for one answer, and what an answer that was cut short is taken to have used."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from bridges.options import Deadlines
from bridges.within import within
from mediaserver.items import Usage
from mediaserver.settings import Settings
from mediaserver.speech import LanguageModel, Message, Piece, Terms

CHARS_PER_TOKEN = 4
"""Of English, for what nobody counted: a provider tells what an answer used at its end only."""


def written(
    llm: LanguageModel, messages: Sequence[Message], settings: Settings, limits: Deadlines
) -> AsyncGenerator[Piece, None]:
    """Return the answer as it is written, with the deadlines of the chain on its pieces."""
    choice = _tool_choice(settings.tool_choice)
    terms = Terms(settings.tools, choice, settings.max_output_tokens, settings.temperature)
    stream = llm.reply(messages, terms)
    return within(stream, limits.first_text_s, limits.next_text_s, "the language model", "llm_timeout")


def estimated(messages: Sequence[Message], chars: int) -> Usage:
    """Return what an answer used whose count never came: the tokens of what was read and of ``chars`` that were written."""
    read = sum(len(message.text) + sum(len(call.arguments) for call in message.calls) for message in messages)
    tokens_in, tokens_out = -(-read // CHARS_PER_TOKEN), -(-chars // CHARS_PER_TOKEN)
    return Usage(
        input_tokens=tokens_in, output_tokens=tokens_out, input_text_tokens=tokens_in, output_text_tokens=tokens_out
    )


def _tool_choice(chosen: Any) -> str:
    """``auto``, ``none``, ``required``, or the name of the one function that must be called."""
    return chosen if isinstance(chosen, str) else str(chosen.get("name", "auto"))
