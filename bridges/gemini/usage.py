"""Gemini's token counts in our words. Pure.

The details of a count need not add up to it: what is left over is text. Thinking is output that nobody hears.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridges.gemini.wire import ModalityCount, UsageMetadata
from mediaserver.items import Usage


def usage(told: UsageMetadata) -> Usage:
    """Return the tokens of one turn."""
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
