"""What Gemini Live can do, and in which form it takes and gives sound."""

from __future__ import annotations

from bridges.gemini.setup import VOICES
from bridges.options import Gemini
from mediaserver.bridge import Capabilities, Feature

IN_RATE, OUT_RATE = 16000, 24000
MAX_SESSION_S = 600.0

_CAN: tuple[Feature, ...] = (
    "manual_turns",
    "turn_tuning",
    "no_interruption",
    "clear_input",
    "text_turns",
    "text_output",
    "tools",
    "tool_declarations",
    "transcripts",
    "token_usage",
    "resume",
    "temperature",
    "max_output_tokens",
)
_IN_ORDER: tuple[Feature, ...] = ("context_items", "respond")
"""What ``clientContent`` brings: turns that ask for no answer, and an answer asked for without a turn."""


def capabilities(chosen: Gemini) -> Capabilities:
    """Return what this model can do."""
    spoken = ("output_modalities",) if chosen.writes == "transcript" else ()
    updated = ("instructions", "tools") if chosen.context_update else ()
    return Capabilities(
        input_rate=IN_RATE,
        output_rate=OUT_RATE,
        hears="always",
        turns="provider",
        voices=chosen.voices or VOICES,
        remembers=True,
        can=frozenset((*_CAN, *_IN_ORDER) if chosen.text_in == "client_content" else _CAN),
        changes=frozenset((*spoken, *updated)),
        speech_events="none",
        goes_on_after_tools=True,
        max_session_s=chosen.max_session_s or MAX_SESSION_S,
    )
