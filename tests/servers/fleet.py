"""Every provider's simulator, and how our bridge of that name is told to reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.servers.provider import Simulator


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider: where its simulator is, and the options of our bridge for a running one."""

    module: str
    simulator: str
    options: Callable[[Any], dict[str, Any]]

    def make(self, **told: Any) -> Simulator:
        """Return a simulator, to be entered."""
        made = getattr(import_module(f"tests.servers.{self.module}"), self.simulator)(**told)
        assert isinstance(made, Simulator)
        return made


FLEET: dict[str, Entry] = {
    "openai": Entry("openai_realtime", "OpenAIRealtime", lambda sim: {"url": sim.url, "key": sim.key}),
}
