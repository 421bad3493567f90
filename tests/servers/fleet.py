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
    told: Callable[[Any], dict[str, Any]] = lambda _: {}

    def make(self, **told: Any) -> Simulator:
        """Return a simulator, to be entered."""
        module = import_module(f"tests.servers.{self.module}")
        made = getattr(module, self.simulator)(**(self.told(module) | told))
        assert isinstance(made, Simulator)
        return made


def _plain(sim: Any) -> dict[str, Any]:
    return {"url": sim.url, "key": sim.key}


def _own(sim: Any) -> dict[str, Any]:
    return dict(sim.options)


def _agent(module: Any) -> dict[str, Any]:
    """The stored agent has a function of its own and lets its prompt and voice be chosen."""
    tool = {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}
    return {"agent": module.Agent(allowed=("prompt", "voice"), tools=(tool,))}


FLEET: dict[str, Entry] = {
    "openai": Entry("openai_realtime", "OpenAIRealtime", lambda sim: _plain(sim) | {"model": "gpt-realtime"}),
    "azure": Entry(
        "azure_realtime", "AzureRealtime", lambda sim: {"url": sim.http, "key": sim.key, "model": "rt-prod"}
    ),
    "xai": Entry("xai_realtime", "XaiRealtime", _plain),
    "gemini": Entry("gemini_live", "GeminiLive", _plain),
    "elevenlabs": Entry("elevenlabs_agents", "ElevenLabsAgents", _own, _agent),
    "ultravox": Entry("ultravox_calls", "UltravoxCalls", _own),
    "deepgram": Entry("deepgram_agent", "DeepgramAgentServer", _plain),
    "live": Entry("openai_live", "LiveServer", lambda sim: _plain(sim) | {"delegate_model": "gpt-5.4-mini"}),
}
