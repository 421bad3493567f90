import subprocess
import sys

import pytest

from bridges import PROVIDERS, open_bridge
from bridges.echo import EchoBridge
from bridges.llm import LLM
from bridges.stt import STT
from bridges.tts import TTS
from mediaserver.errors import ConfigError


def test_the_tables_say_what_we_support() -> None:
    realtime = {"openai", "azure", "xai", "elevenlabs", "ultravox", "deepgram", "live"}
    assert {"echo", "hybrid"} | realtime <= set(PROVIDERS)
    assert {"local", "openai", "azure", "groq", "openai_compatible", "google"} <= set(STT)
    chat = {"openai_compatible", "openai", "azure", "xai", "groq", "ollama", "llama_cpp", "vllm"}
    assert {"local", "anthropic", "gemini", "router"} | chat <= set(LLM)
    assert {"local", "openai", "azure", "groq", "google", "azure_speech", "openai_compatible"} <= set(TTS)


async def test_opens_a_factory_of_bridges() -> None:
    async with open_bridge("echo") as make:
        first, second = make("echo"), make("echo")
    assert isinstance(first, EchoBridge)
    assert first is not second


@pytest.mark.parametrize(
    ("provider", "settings", "path"),
    [
        ("ecko", {}, "models.x"),
        ("echo", {"loud": True}, "models.x"),
        ("hybrid", {"llm": {"engine": "openai_compatible", "model": "m"}}, "models.x.llm"),
        ("hybrid", {"llm": {"engine": "oracle"}}, "models.x.llm"),
        ("hybrid", {"stt": {"workers": 0}}, "models.x.stt.workers"),
        ("hybrid", {"stt": {"werkers": 1}}, "models.x.stt"),
        ("hybrid", {"deadlines": {"clause_s": 0}}, "models.x.deadlines.clause_s"),
    ],
)
def test_names_the_key_of_a_bad_option_at_once(provider: str, settings: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_bridge(provider, settings, "models.x")
    assert refused.value.path == path


def test_never_repeats_a_value() -> None:
    with pytest.raises(ConfigError) as refused:
        open_bridge("hybrid", {"llm": {"engine": "openai_compatible", "model": "m", "base_url": "u", "key": 5150}})
    assert "5150" not in str(refused.value)


def test_importing_the_page_imports_no_engine() -> None:
    heavy = "httpx", "pocketsphinx", "numpy", "ttspico"
    code = f"import sys, bridges; sys.exit(' '.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
