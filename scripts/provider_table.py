"""Writes the table of what each provider supports into docs/api/realtime.md, from the bridges' own ``Capabilities``.

usage: python scripts/provider_table.py [--write]     without --write: exits with 1 when the page is stale
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bridges import open_bridge  # noqa: E402 - the script runs from anywhere
from mediaserver.bridge import Capabilities, Feature  # noqa: E402

PAGE = ROOT / "docs" / "api" / "realtime.md"
BEGIN = "<!-- scripts/provider_table.py writes from here -->"
END = "<!-- to here -->"

SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "OpenAI": ("openai", {}),
    "Azure": ("azure", {"url": "https://name.openai.azure.com", "model": "deployment"}),
    "xAI": ("xai", {}),
    "Gemini": ("gemini", {}),
    "ElevenLabs": ("elevenlabs", {"agent_id": "agent"}),
    "Ultravox": ("ultravox", {}),
    "Deepgram": ("deepgram", {}),
    "GPT-Live": ("live", {"delegate_model": "model"}),
}
"""The columns: a provider with its defaults (GPT-Live with a delegate); the chain depends on its engines, so it has none."""

FEATURES: dict[Feature, str] = {
    "manual_turns": "push-to-talk (`turn_detection: null`)",
    "semantic_vad": "`semantic_vad`",
    "turn_tuning": "threshold, padding, silence of the turn detection",
    "no_interruption": "`interrupt_response: false`",
    "no_auto_response": "`create_response: false`",
    "clear_input": "`input_audio_buffer.clear`",
    "cancel": "stops an answer that is being made",
    "truncate": "is told how much was heard",
    "text_turns": "written turns of the user",
    "context_items": "system and assistant items, history",
    "delete_items": "`conversation.item.delete`",
    "respond": "`response.create` at any time",
    "response_settings": "settings for one response",
    "out_of_band": "`conversation: none`",
    "text_output": "answers in writing",
    "tools": "calls functions",
    "tool_declarations": "... which the session declares",
    "tool_choice": "`tool_choice`",
    "transcripts": "the caller's words",
    "partial_transcripts": "... while they are spoken",
    "token_usage": "tokens used",
    "rate_limits": "`rate_limits.updated`",
    "resume": "goes on after a lost connection",
    "temperature": "`temperature`",
    "speed": "`speed`",
    "max_output_tokens": "`max_output_tokens`",
    "noise_reduction": "`noise_reduction`",
}
"""A row for each feature, in the client's words."""

CHANGES: dict[str, str] = {
    "instructions": "`instructions`",
    "voice": "`voice`",
    "tools": "`tools`",
    "tool_choice": "`tool_choice`",
    "output_modalities": "`output_modalities`",
    "turn_detection": "`turn_detection`",
    "transcription": "`transcription`",
    "speed": "`speed`",
    "temperature": "`temperature`",
    "max_output_tokens": "`max_output_tokens`",
    "noise_reduction": "`noise_reduction`",
    "parallel_tool_calls": "`parallel_tool_calls`",
    "reasoning_effort": "`reasoning.effort`",
}
"""A row for each setting that a session may change: all but its model and kind, which never do, and what a persona sets."""

Cell = Callable[[Capabilities], str]


def _minutes(offered: Capabilities) -> str:
    return "-" if offered.max_session_s is None else f"{offered.max_session_s / 60:g} min"


def _voices(offered: Capabilities) -> str:
    return str(len(offered.voices)) if offered.voices else "the account's"


FACTS: tuple[tuple[str, Cell], ...] = (
    ("sound to it", lambda offered: f"{offered.input_rate / 1000:g} kHz"),
    ("sound from it", lambda offered: f"{offered.output_rate / 1000:g} kHz"),
    ("turns are taken by", lambda offered: {"session": "us", "provider": "the provider", "none": "-"}[offered.turns]),
    ("tells of the caller's speech", lambda offered: {"both": "start, stop", "start": "start", "none": "-"}[
        offered.speech_events if offered.turns == "provider" else "none"
    ]),
    ("answers a function's output unasked", lambda offered: _mark(offered.goes_on_after_tools)),
    ("voices", _voices),
    ("a session lasts", _minutes),
)  # fmt: skip


async def capabilities() -> dict[str, Capabilities]:
    """Return what each shown provider offers; nothing is connected to."""
    async with AsyncExitStack() as opened:
        return {
            column: (await opened.enter_async_context(open_bridge(name, told)))("").capabilities
            for column, (name, told) in SHOWN.items()
        }


def table(offered: Mapping[str, Capabilities]) -> str:
    """Return the tables in Markdown: facts and features, then what may change in mid-session."""
    able = [(words, lambda one, name=name: _mark(name in one.can)) for name, words in FEATURES.items()]
    changing = [(words, lambda one, name=name: _mark(name in one.changes)) for name, words in CHANGES.items()]
    first = _table("", offered, (*FACTS, *able))
    return f"{first}\n\n{_table('changes in mid-session', offered, changing)}"


def _table(title: str, offered: Mapping[str, Capabilities], lines: Iterable[tuple[str, Cell]]) -> str:
    rows = [_row(title, offered), "|---" * (len(offered) + 1) + "|"]
    rows += (_row(words, (cell(one) for one in offered.values())) for words, cell in lines)
    return "\n".join(rows)


def _row(first: str, rest: Iterable[str]) -> str:
    return f"| {' | '.join([first, *rest])} |"


def _mark(yes: bool) -> str:
    return "✓" if yes else "-"


def renewed(page: str, tables: str) -> str:
    """Return the page with these tables between the two marks. Raises ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def main(arguments: list[str] | None = None, page: Path = PAGE) -> int:
    """Check the page, or write it; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the page instead of checking it")
    write = parser.parse_args(arguments).write
    now = page.read_text()
    wanted = renewed(now, table(asyncio.run(capabilities())))
    if write:
        page.write_text(wanted)
    elif now != wanted:
        sys.stderr.write(f"{page.name} is stale: run scripts/provider_table.py --write\n")
    return 0 if write or now == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
