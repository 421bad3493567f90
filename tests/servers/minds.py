"""What every provider's simulator has inside: an ear for turns in real sound, and a mind that always answers the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tests.servers.toned import NUMBERS

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Edge:
    """A turn began or ended: ``at_ms`` is the first or the last voiced sample, ``heard_ms`` all sound heard until now."""

    kind: Literal["start", "stop"]
    at_ms: int
    heard_ms: int


class Ear:
    """Turn detection by level on real PCM16 mono: 60 ms of voice within 100 begin a turn, ``silence_ms`` end it."""

    def __init__(self, rate: int, *, silence_ms: int = 500, level_dbfs: float = -42.0) -> None:
        self.silence_ms = silence_ms
        self.speaking = False
        self.heard_ms = 0
        self._size = rate * FRAME_MS // 1000 * 2
        self._level = 32768 * 10 ** (level_dbfs / 20)
        self._rest = b""
        self._recent: deque[bool] = deque(maxlen=5)
        self._last_voiced = 0

    def feed(self, pcm: bytes) -> list[Edge]:
        """Take sound of any length and return the edges in it."""
        self._rest += pcm
        edges = []
        while len(self._rest) >= self._size:
            frame, self._rest = self._rest[: self._size], self._rest[self._size :]
            edges += self._frame(np.frombuffer(frame, "<i2").astype(np.float32))
        return edges

    def reset(self) -> None:
        """Forget the turn that is being heard."""
        self.speaking = False
        self._recent.clear()

    def _frame(self, samples: Any) -> list[Edge]:
        self.heard_ms += FRAME_MS
        voiced = float(np.sqrt(np.mean(samples * samples))) > self._level
        self._recent.append(voiced)
        if voiced:
            self._last_voiced = self.heard_ms
        if not self.speaking and sum(self._recent) >= 3:
            self.speaking = True
            onset = self.heard_ms - FRAME_MS * (len(self._recent) - self._recent.index(True))
            return [Edge("start", onset, self.heard_ms)]
        if self.speaking and self.heard_ms - self._last_voiced >= self.silence_ms:
            self.reset()
            return [Edge("stop", self._last_voiced, self.heard_ms)]
        return []


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation as every provider's simulator tells it to the mind."""

    who: Literal["user", "assistant", "system", "call", "output"]
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Sentences to say."""

    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Call:
    """A function to call."""

    name: str
    arguments: dict[str, Any]


class Brain:
    """The model: the same conversation always gets the same answer.

    ``transcripts`` are what the caller's spoken turns are taken for, the last one for all further ones. After a function's
    output it says that; a text with the word ``tool`` or a tool's name calls it; ``long`` or ``count`` (``count to five``)
    is answered by so many numbered sentences; an assistant's line at the end, or the word ``continue`` in a user's or
    system's line after it, by what is left of that answer; all else by two sentences.
    """

    def __init__(self, *transcripts: str, sentences: int = 8) -> None:
        self._transcripts = list(transcripts or ("what time is it",))
        self._sentences = sentences

    def heard(self) -> str:
        """Return what the caller's spoken turn is taken for."""
        return self._transcripts.pop(0) if len(self._transcripts) > 1 else self._transcripts[0]

    def answer(
        self, lines: Sequence[Line], tools: Sequence[Mapping[str, Any]] = (), instructions: str = ""
    ) -> Reply | Call:
        """Return the answer; ``tools`` are mappings with ``name`` and ``parameters``."""
        spoken = [line for line in lines if line.who != "system"]
        if spoken and spoken[-1].who == "output":
            return Reply((f"The tool says {spoken[-1].text}.", "Is there anything else?"))
        told = _continued(lines, instructions)
        if told is not None:
            return self._rest(lines, told)
        text = spoken[-1].text if spoken else ""
        tool = _named(text, tools)
        if tool is not None:
            return Call(str(tool["name"]), _filled(tool.get("parameters") or {}))
        return Reply(self._plan(text))

    def _plan(self, text: str) -> tuple[str, ...]:
        words = text.lower().replace(".", " ").replace("?", " ").split()
        if {"long", "count"} & set(words):
            return tuple(f"Sentence {NUMBERS[n]} of the answer." for n in range(1, self._wanted(words) + 1))
        return (f"You said {' '.join(words[:8]) or 'nothing'}.", "That is my answer.")

    def _wanted(self, words: Sequence[str]) -> int:
        numbers = [NUMBERS.index(word) for word in words if word in NUMBERS]
        numbers += [int(word) for word in words if word.isdigit()]
        return max(1, min(numbers[0], len(NUMBERS) - 1)) if numbers else self._sentences

    def _rest(self, lines: Sequence[Line], told: str) -> Reply:
        """Return the sentences of the answer of which not even the first two words were said."""
        asked = [line.text for line in lines if line.who == "user" and not _asks_on(line.text)]
        left = [each for each in self._plan(asked[-1] if asked else "long") if _begin(each) not in told]
        return Reply(tuple(left) or ("That was all.",))


def _continued(lines: Sequence[Line], instructions: str) -> str | None:
    """Return what was said of an answer that is to be continued, in lower case; ``None``: it is a new answer."""
    spoken = [line for line in lines if line.who != "system"]
    asks_on = any(_asks_on(line.text) for line in lines[-2:] if line.who in ("user", "system"))
    if not (spoken and spoken[-1].who == "assistant") and not asks_on and not _asks_on(instructions):
        return None
    return " ".join(line.text for line in lines if line.who in ("assistant", "system")).lower() + instructions.lower()


def _asks_on(text: str) -> bool:
    return "continue" in text.lower().split()


def _begin(sentence: str) -> str:
    return " ".join(sentence.lower().split()[:2])


def _named(text: str, tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    named = [tool for tool in tools if tool.get("name") and str(tool["name"]) in text]
    if not named and "tool" in text.lower().split():
        named = list(tools)
    return named[0] if named else None


def _filled(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(each) for name, each in (schema.get("properties") or {}).items()}


def _value(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    kind = str(schema.get("type", "string")).lower()
    if kind == "object":
        return _filled(schema)
    return {"integer": 1, "number": 1.5, "boolean": True, "array": [], "null": None}.get(kind, "text")
