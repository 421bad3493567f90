"""The examples do what they say, against the real server with its embedded model."""

import shutil
import subprocess
import sys
import wave

import pytest

from tests.examples.program import EXAMPLES, load

CALLERS = (
    *("aiortc_caller", "openai_caller", "websocket_caller", "pcm_caller"),
    *("supervisor", "rtvi_caller", "whip_publish"),
)


@pytest.mark.engines
async def test_the_aiortc_caller_keeps_a_spoken_answer(server, tmp_path):
    answer = await load("aiortc_caller").call(server.url, "what is two plus three", str(tmp_path / "answer.wav"))
    assert "five" in answer.lower() or "5" in answer
    with wave.open(str(tmp_path / "answer.wav")) as file:
        assert file.getnframes() / file.getframerate() > 0.5


@pytest.mark.engines
async def test_the_openai_caller_needs_only_another_url(server):
    answer = await load("openai_caller").call(f"{server.url}/v1", "what is two plus three")
    assert "five" in answer.lower() or "5" in answer


def test_the_page_is_valid_script():
    node = shutil.which("node")
    page = (EXAMPLES / "browser.html").read_text()
    script = page.split('<script type="module">')[1].split("</script>")[0]
    assert "/v1/realtime/calls" in script
    if node:
        subprocess.run([node, "--input-type=module", "--check"], input=script, text=True, check=True, timeout=20)


@pytest.mark.parametrize("name", CALLERS)
def test_each_says_how_it_is_used(name):
    assert "usage: python" in (load(name).__doc__ or "")
    subprocess.run([sys.executable, "-m", "py_compile", str(EXAMPLES / f"{name}.py")], check=True, timeout=20)
