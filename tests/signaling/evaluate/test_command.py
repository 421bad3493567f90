import argparse
import json

import pytest

from signaling.evaluate.command import add_arguments, run, variants
from signaling.evaluate.report import Target
from tests.signaling.evaluate.stage import script


def parse(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def write(folder, caller="[{say: good morning}]", rest=""):
    (folder / "one.yaml").write_text(f"name: one\ncaller: {caller}\n{rest}")
    return str(folder)


def test_it_is_said_where_to_play(capsys):
    for words in ([], ["--url", "http://localhost", "--in-process"], ["--in-process", "--noise-db", "99"]):
        with pytest.raises(SystemExit):
            parse(*words)
    assert "--in-process" in capsys.readouterr().err


def test_each_script_comes_again_over_noise_unless_it_has_its_own():
    plain, noisy = script("caller: [{say: a}]"), script("noise: {snr_db: 3}\ncaller: [{say: a}]")
    made = list(variants([plain, noisy], (20.0, 5.0)))
    assert [one.name for one in made] == ["test", "test@20dB", "test@5dB", "test"]
    assert [one.noise and one.noise.snr_db for one in made] == [None, 20, 5, 3]


def test_what_is_as_expected_ends_with_0(tmp_path, capsys):
    folder = write(tmp_path, rest="expect: [{event: reply_begins, within_ms: 5000}]")
    assert run(parse(folder, "--in-process", "--json", str(tmp_path / "out.json"))) == 0
    assert "target: end of turn, median" in capsys.readouterr().out
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["passed"] and data["model"] == "scripted"


def test_what_is_not_ends_with_1(tmp_path, capsys):
    folder = write(tmp_path, rest="expect: [{event: turn_ended, within_ms: 1}]")
    assert run(parse(folder, "--in-process")) == 1
    assert "not within 1" in capsys.readouterr().out


def test_a_missed_target_ends_with_1(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("signaling.evaluate.report.TARGETS", (Target("end of turn", 10.0, "end_of_turn_p50_ms"),))
    assert run(parse(write(tmp_path), "--in-process")) == 1
    assert "MISSED" in capsys.readouterr().out


def test_a_script_that_cannot_be_played_ends_with_2(tmp_path, capsys):
    assert run(parse(write(tmp_path, "[{clip: jfk}]"), "--in-process")) == 2
    assert "--recordings" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_a_call_that_failed(tmp_path, capsys):
    assert run(parse(write(tmp_path), "--url", "http://127.0.0.1:9")) == 1
    shown = capsys.readouterr()
    assert "Is the server running?" in shown.out and shown.err.startswith("one: http://127.0.0.1:9")


def test_wav_files_lie_beside_their_script(tmp_path, capsys):
    assert run(parse(write(tmp_path, "[{wav: gone.wav}]"), "--in-process")) == 2
    assert str(tmp_path / "gone.wav") in capsys.readouterr().err
