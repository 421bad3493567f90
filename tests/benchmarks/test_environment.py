"""A peer's environment: from wheels alone, once, and anew after an installation that was broken off."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.peers import environment
from benchmarks.peers.environment import Environment, variables


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Collect the commands instead of running them; environments are below a temporary folder."""
    commands: list[list[str]] = []

    def run(words, **_):
        commands.append(words)
        if "venv" in words:
            Path(words[-1]).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_it_is_installed_once_and_from_wheels_alone(told):
    peer = Environment("peer-1", ("peer==1",), bare=("other==2",))
    assert peer.command("serve") == peer.command("serve") == peer.home / "bin" / "serve"
    making, *installing = told
    assert making[1:3] == ["-m", "venv"]
    assert [words[-1] for words in installing] == ["peer==1", "other==2"]
    assert all(words[words.index("--only-binary") + 1] == ":all:" for words in installing)
    assert ["--no-deps" in words for words in installing] == [False, True]


def test_an_installation_that_was_broken_off_is_made_anew(told, monkeypatch):
    peer = Environment("peer-1", ("peer==1",))
    with monkeypatch.context() as broken:
        broken.setattr(subprocess, "run", lambda words, **_: (_ for _ in ()).throw(subprocess.SubprocessError()))
        with pytest.raises(subprocess.SubprocessError):
            peer.command("serve")
    peer.command("serve")
    assert "--clear" in told[0]


def test_no_key_of_ours_reaches_a_peer(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "secret" not in variables("/tmp/home").values()
