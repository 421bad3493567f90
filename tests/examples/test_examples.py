"""The examples do what they say, against the real server with its embedded model."""

import importlib.util
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from tests.servers.voice_server import voice_server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.engines
async def test_the_aiortc_caller_keeps_a_spoken_answer(tmp_path):
    async with voice_server() as server:
        answer = await load("aiortc_caller").call(server.url, "what is two plus three", str(tmp_path / "answer.wav"))
    assert "five" in answer.lower() or "5" in answer
    with wave.open(str(tmp_path / "answer.wav")) as file:
        assert file.getnframes() / file.getframerate() > 0.5


@pytest.mark.engines
async def test_the_openai_caller_needs_only_another_url():
    async with voice_server() as server:
        answer = await load("openai_caller").call(f"{server.url}/v1", "what is two plus three")
    assert "five" in answer.lower() or "5" in answer


def test_the_page_is_valid_script():
    node = shutil.which("node")
    page = (EXAMPLES / "browser.html").read_text()
    script = page.split('<script type="module">')[1].split("</script>")[0]
    assert "/v1/realtime/calls" in script
    if node:
        subprocess.run([node, "--input-type=module", "--check"], input=script, text=True, check=True, timeout=20)


@pytest.mark.parametrize("name", ["aiortc_caller", "openai_caller"])
def test_each_says_how_it_is_used(name):
    assert "usage: python" in (load(name).__doc__ or "")
    subprocess.run([sys.executable, "-m", "py_compile", str(EXAMPLES / f"{name}.py")], check=True, timeout=20)
