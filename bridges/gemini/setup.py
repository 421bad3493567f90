"""The first message of a Gemini Live session: everything that can be told of it, since nothing can be changed later.

Source: Gemini API reference, "Live API" (``BidiGenerateContentSetup``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bridges.options import Gemini
from mediaserver.items import Item
from mediaserver.settings import Settings, Tool, Transcription, TurnDetection

MODEL = "gemini-3.8-live"
VOICES = (
    *("Zephyr", "Puck", "Charon", "Kore", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe", "Enceladus"),
    *("Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi", "Laomedeia", "Achernar"),
    *("Alnilam", "Schedar", "Gacrux", "Pulcherrima", "Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia"),
    *("Sadaltager", "Sulafat"),
)
MAX_HISTORY = 256
EFFORTS = ("minimal", "low", "medium", "high")


def setup(chosen: Gemini, settings: Settings, *, history: bool, resume: str | None) -> dict[str, Any]:
    """Return the ``setup``; ``history``: turns of before follow it, ``resume``: the handle of the session it continues."""
    told: dict[str, Any] = {
        "model": model_name(chosen),
        "generationConfig": _generation(chosen, settings),
        "realtimeInputConfig": _input(settings.turn_detection),
        "sessionResumption": {"handle": resume} if resume else {},
    }
    if speaks(chosen, settings):
        told["outputAudioTranscription"] = {}
    if settings.transcription is not None:
        told["inputAudioTranscription"] = _languages(settings.transcription)
    if settings.instructions:
        told["systemInstruction"] = instructions(settings)
    if settings.tools:
        told["tools"] = functions(chosen, settings)
    if chosen.compression:
        told["contextWindowCompression"] = {"slidingWindow": {}}
    if history:
        told["historyConfig"] = {"initialHistoryInClientContent": True}
    return told


def model_name(chosen: Gemini) -> str:
    """Return the model's full name at the chosen backend."""
    name = chosen.model or MODEL
    if "/" in name:
        return name
    if chosen.backend == "gemini":
        return f"models/{name}"
    return f"projects/{chosen.project}/locations/{chosen.location}/publishers/google/models/{name}"


def speaks(chosen: Gemini, settings: Settings) -> bool:
    """Say whether the model makes sound, be it only for its transcript."""
    return chosen.writes == "transcript" or "audio" in settings.output_modalities


def instructions(settings: Settings) -> dict[str, Any]:
    """Return the system instruction."""
    return {"parts": [{"text": settings.instructions}]}


def functions(chosen: Gemini, settings: Settings) -> list[dict[str, Any]]:
    """Return the functions as they are declared."""
    return [{"functionDeclarations": [_declaration(chosen, tool) for tool in settings.tools]}] if settings.tools else []


def _declaration(chosen: Gemini, tool: Tool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if chosen.tool_behavior:
        told["behavior"] = chosen.tool_behavior.upper()
    if tool.parameters.get("properties"):
        told["parametersJsonSchema"] = dict(tool.parameters)
    return told


def turns(history: Sequence[Item]) -> list[dict[str, Any]]:
    """Return what was said before as turns; functions and context become lines of text."""
    return [{"role": _role(item), "parts": [{"text": text}]} for item in history[-MAX_HISTORY:] if (text := line(item))]


def line(item: Item) -> str:
    """Return an item as text, empty for one without any."""
    if item.kind == "function_call":
        return f"(called the function {item.name} with {item.arguments})"
    if item.kind == "function_call_output":
        return f"(the function {item.name or ''} answered: {item.output})"
    return f"(note: {item.text})" if item.role == "system" and item.text else item.text


def _role(item: Item) -> str:
    return "model" if item.role == "assistant" or item.kind == "function_call" else "user"


def _generation(chosen: Gemini, settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = {"responseModalities": ["AUDIO" if speaks(chosen, settings) else "TEXT"]}
    speech: dict[str, Any] = {}
    if settings.voice:
        speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": settings.voice}}
    if chosen.language:
        speech["languageCode"] = chosen.language
    optional = {
        "speechConfig": speech or None,
        "temperature": settings.temperature,
        "maxOutputTokens": settings.max_output_tokens,
        "thinkingConfig": _thinking(chosen, settings),
    }
    return told | {name: value for name, value in optional.items() if value is not None}


def _thinking(chosen: Gemini, settings: Settings) -> Mapping[str, Any] | None:
    """Most models refuse it, so that a session's effort counts only where thinking is configured at all."""
    if chosen.thinking_budget is not None:
        return {"thinkingBudget": chosen.thinking_budget}
    effort = settings.reasoning_effort if settings.reasoning_effort in EFFORTS else chosen.thinking
    return {"thinkingLevel": str(effort).upper()} if chosen.thinking else None


def _languages(wanted: Transcription) -> dict[str, Any]:
    languages = dict.fromkeys((*([wanted.language] if wanted.language else []), *wanted.languages))
    return {"languageCodes": [*languages]} if languages else {}


def _input(detection: TurnDetection | None) -> dict[str, Any]:
    """Our threshold 0..1 becomes one of the two sensitivities; higher needs louder speech.

    Our padding is sound kept from before the speech; Gemini's ``prefixPaddingMs`` is how long somebody must have spoken,
    which is another thing, so it is left to the model.
    """
    if detection is None:
        return {"automaticActivityDetection": {"disabled": True}}
    automatic: dict[str, Any] = {
        "startOfSpeechSensitivity": f"START_SENSITIVITY_{'LOW' if detection.threshold > 0.5 else 'HIGH'}",
        "silenceDurationMs": detection.silence_duration_ms,
    }
    if detection.kind == "semantic_vad":
        sensitivity = "LOW" if detection.eagerness == "low" else "HIGH"
        automatic = {"endOfSpeechSensitivity": f"END_SENSITIVITY_{sensitivity}"}
    handling = "START_OF_ACTIVITY_INTERRUPTS" if detection.interrupt_response else "NO_INTERRUPTION"
    return {"automaticActivityDetection": automatic, "activityHandling": handling}


def output(item: Item, name: str, call_id: str | None) -> dict[str, Any]:
    """Return a function's output: the object under the keys ``output`` or ``error`` that the model reads."""
    try:
        value: Any = msgspec.json.decode(item.output)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        value = item.output
    told: dict[str, Any] = {"name": name, "response": {"error" if item.error else "output": value}}
    return told if call_id is None else {"id": call_id, **told}
