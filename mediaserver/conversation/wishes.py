"""What a client wishes, held against what the provider can: refused with a sentence, never ignored. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from mediaserver.bridge import Capabilities, Feature
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.replies import Reply
from mediaserver.errors import Unsupported
from mediaserver.items import Item
from mediaserver.settings import Settings, Tool, TurnDetection

_ITEMS: dict[tuple[str, str | None], tuple[Feature, str]] = {
    ("message", "user"): ("text_turns", "takes no written turns"),
    ("message", "system"): ("context_items", "takes no further context"),
    ("message", "assistant"): ("context_items", "takes no further context"),
    ("function_call", None): ("context_items", "takes no further context"),
    ("function_call_output", None): ("tools", "calls no functions"),
}


_SETTINGS: tuple[tuple[Feature, Callable[[Settings], bool], str], ...] = (
    (
        "text_output",
        lambda wanted: wanted.output_modalities == ("text",),
        "does not write: output_modalities must be audio",
    ),
    ("tool_choice", lambda wanted: wanted.tool_choice != "auto", "chooses its functions by itself"),
    ("temperature", lambda wanted: wanted.temperature is not None, "has no temperature"),
    ("speed", lambda wanted: wanted.speed != 1.0, "speaks at its own speed"),
    ("max_output_tokens", lambda wanted: wanted.max_output_tokens is not None, "has no limit on its answers"),
    ("noise_reduction", lambda wanted: wanted.noise_reduction is not None, "reduces no noise"),
    ("manual_turns", lambda wanted: wanted.turn_detection is None, "takes its turns by itself"),
    (
        "no_interruption",
        lambda wanted: wanted.turn_detection is not None and not wanted.turn_detection.interrupt_response,
        "lets itself be interrupted",
    ),
    (
        "no_auto_response",
        lambda wanted: wanted.turn_detection is not None and not wanted.turn_detection.create_response,
        "answers by itself",
    ),
)
"""What a setting needs, when it is asked for, and what is said where it cannot be had.

Another kind of turn detection or another transcription model is no complaint: those degrade to what the provider has.
"""


def _turns(now: Settings) -> TurnDetection:
    return now.turn_detection or TurnDetection()


_WITHOUT: dict[Feature, Callable[[Settings], dict[str, Any]]] = {
    "text_output": lambda _: {"output_modalities": ("audio",)},
    "tool_choice": lambda _: {"tool_choice": "auto"},
    "temperature": lambda _: {"temperature": None},
    "speed": lambda _: {"speed": 1.0},
    "max_output_tokens": lambda _: {"max_output_tokens": None},
    "noise_reduction": lambda _: {"noise_reduction": None},
    "manual_turns": lambda _: {"turn_detection": TurnDetection()},
    "no_interruption": lambda now: {"turn_detection": replace(_turns(now), interrupt_response=True)},
    "no_auto_response": lambda now: {"turn_detection": replace(_turns(now), create_response=True)},
}


def check_item(capabilities: Capabilities, item: Item) -> None:
    """Raise Unsupported when the provider cannot be given such an item."""
    need = _ITEMS.get((item.kind, item.role if item.kind == "message" else None))
    if need is not None and need[0] not in capabilities.can:
        raise Unsupported(f"the model behind this call {need[1]}")


def check_reply(capabilities: Capabilities, settings: Settings, reply: Reply, conversation: Conversation) -> None:
    """Raise Unsupported when the provider cannot answer like this."""
    can = capabilities.can
    if reply.settings.output_modalities == ("text",) and "text_output" not in can and not _was_text(settings):
        raise Unsupported("the model behind this call does not write: output_modalities must be audio")
    if (reply.out_of_band or reply.input is not None) and "out_of_band" not in can:
        raise Unsupported("the model behind this call answers in the conversation only")
    if _differs(reply.settings, settings) and "response_settings" not in can:
        raise Unsupported("the model behind this call takes no settings for a single response")
    if "respond" not in can and not _asks(conversation):
        raise Unsupported("the model behind this call answers by itself: say or write something first")


def complaints(can: frozenset[Feature], wanted: Settings) -> list[str]:
    """Return a sentence for each setting that this provider has no way to honour at all."""
    return [
        f"the model behind this call {sentence}"
        for need, asked, sentence in _SETTINGS
        if asked(wanted) and need not in can
    ]


def tool_complaint(can: frozenset[Feature], tools: Sequence[Tool]) -> str | None:
    """Return the sentence for a client's functions that this provider cannot be told of."""
    if not tools or {"tools", "tool_declarations"} <= can:
        return None
    what = "has functions of its own and can be told of no others" if "tools" in can else "calls no functions"
    return f"the model behind this call {what}"


def fitted(capabilities: Capabilities, wanted: Settings, *, voice: bool) -> Settings:
    """Return the settings without what this provider has no way to honour; ``voice``: also without a voice it lacks."""
    for need, asked, _ in _SETTINGS:
        if need not in capabilities.can and asked(wanted):
            wanted = replace(wanted, **_WITHOUT[need](wanted))
    if not {"tools", "tool_declarations"} <= capabilities.can:
        wanted = replace(wanted, tools=())
    if voice and capabilities.voices and wanted.voice not in capabilities.voices:
        wanted = replace(wanted, voice="")
    return wanted


def unchangeable(capabilities: Capabilities, now: Settings, wanted: Settings) -> list[str]:
    """Return the settings that differ and that the provider cannot change in mid-session."""
    changed = [field.name for field in fields(Settings) if getattr(now, field.name) != getattr(wanted, field.name)]
    return [name for name in changed if name not in capabilities.changes and name not in ("model", "kind")]


def _was_text(settings: Settings) -> bool:
    return settings.output_modalities == ("text",)


def _differs(one: Settings, other: Settings) -> bool:
    return replace(one, output_modalities=other.output_modalities) != other


def _asks(conversation: Conversation) -> bool:
    """Say whether the last item is something to answer."""
    last = next(reversed(conversation.snapshot()), None)
    return last is not None and (last.kind == "function_call_output" or last.role == "user")
