import subprocess
import sys

import pytest

from signaling.cli import COMMANDS, main


def test_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0 and f"usage: mediaserver {name}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["dance"], ["serve", "--port", "x"], ["serve", "--tls", "maybe"]])
def test_a_wrong_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: mediaserver" in capsys.readouterr().err


def test_python_m_is_the_command_line_and_imports_only_what_it_needs() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mediaserver", "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout.startswith("mediaserver ")
    code = "import sys, signaling.cli; sys.exit('aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], timeout=30, check=True)
