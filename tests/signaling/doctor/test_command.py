import argparse
import json

from signaling.doctor.command import add_arguments, run, text
from signaling.doctor.findings import wrong


def doctor(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(list(words)))


def test_a_configuration_that_cannot_be_used_is_the_only_finding(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text("server:\n  colour: red\n")
    assert doctor("--config", str(file), "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [each["name"] for each in said["findings"]] == ["configuration"]
    assert "server.colour" in said["findings"][0]["said"]


def test_a_healthy_machine(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text("media:\n  port: 0\n  addresses: ['127.0.0.1']\n")
    assert doctor("--config", str(file), "--port", "0", "--no-call") == 0
    assert "Everything that was looked at works." in capsys.readouterr().out


def test_a_finding_for_people_has_its_remedy_under_it():
    assert text(wrong("codecs", "none", "install one")).splitlines()[1].strip() == "→ install one"
