"""Gemini's token counts in our words, each counted once. Pure.

The details of a count need not add up to it: what is left over is text. Thinking is output that nobody hears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from bridges.gemini.wire import ModalityCount, UsageMetadata
from mediaserver.items import Usage

_TOKENS = tuple(field.name for field in fields(Usage) if field.name.endswith("tokens"))


class Tokens:
    """Holds the newest count until it is asked for; ``cumulative``: counts are of the session and not of the turn."""

    def __init__(self, *, cumulative: bool) -> None:
        self._cumulative = cumulative
        self._held: UsageMetadata | None = None
        self._last: UsageMetadata | None = None
        self._before = Usage()
        self._news = True

    def news(self) -> None:
        """Something was said since the last count, so that the next one is another."""
        self._news = True

    def count(self, told: UsageMetadata) -> None:
        """Take a count; of several for one answer the last is the whole. One that is told twice counts once."""
        if self._news or told != self._last:
            self._held = told
        self._last, self._news = told, False

    def settle(self) -> Usage | None:
        """Return what was counted and not settled yet."""
        held, self._held = self._held, None
        if held is None:
            return None
        counted = usage(held)
        if not self._cumulative:
            return counted
        before, self._before = self._before, counted
        more = {name: max(0, getattr(counted, name) - getattr(before, name)) for name in _TOKENS}
        return replace(counted, **more)


def usage(told: UsageMetadata) -> Usage:
    """Return a count as ours."""
    audio_in = _of(told.prompt_tokens_details, "AUDIO")
    images = _of(told.prompt_tokens_details, "IMAGE") + _of(told.prompt_tokens_details, "VIDEO")
    audio_out = _of(told.response_tokens_details, "AUDIO")
    asked = told.prompt_token_count + told.tool_use_prompt_token_count
    answered, thought = told.response_token_count, told.thoughts_token_count
    return Usage(
        input_tokens=asked,
        output_tokens=answered + thought,
        input_text_tokens=max(0, asked - audio_in - images),
        input_audio_tokens=audio_in,
        image_tokens=images,
        output_text_tokens=max(0, answered - audio_out) + thought,
        output_audio_tokens=audio_out,
        thinking_tokens=thought,
        cached_tokens=told.cached_content_token_count,
        cached_audio_tokens=_of(told.cache_tokens_details, "AUDIO"),
        source="provider",
    )


def _of(details: Sequence[ModalityCount], modality: str) -> int:
    return sum(each.token_count for each in details if each.modality == modality)
