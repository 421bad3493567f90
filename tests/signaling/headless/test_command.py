import argparse

import pytest

from signaling.headless.command import add_arguments, report, run
from signaling.headless.record import TurnRecord


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["http://localhost:8080", *words])


def test_turns_keep_their_order_and_their_options():
    args = parse("--wav", "a.wav", "--expect", "one", "--text", "hello", "--wav", "b.wav", "--barge-in", "1.5")
    assert [(t.kind, t.content, t.expect, t.barge_in) for t in args.turns] == [
        ("wav", "a.wav", "one", None),
        ("text", "hello", None, None),
        ("wav", "b.wav", None, 1.5),
    ]


def test_parsing_twice_does_not_add_up():
    parse("--text", "one")
    assert len(parse("--text", "two").turns) == 1


@pytest.mark.parametrize("words", [["--expect", "one"], ["--barge-in", "1"], ["--text", "a", "--barge-in", "1"]])
def test_options_without_their_turn_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parse(*words)
    assert "turn" in capsys.readouterr().err


def test_nothing_to_say(capsys):
    assert run(parse()) == 2
    assert "--wav" in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys):
    assert run(parse("--wav", "no-such.wav")) == 2
    assert "no-such.wav" in capsys.readouterr().err


def test_nobody_there(capsys):
    args = parse("--text", "hello")
    args.url = "http://127.0.0.1:9"
    assert run(args) == 2
    assert "Is the server running?" in capsys.readouterr().out


def test_the_report_names_what_was_said_heard_and_measured():
    turn = TurnRecord("wav", "a.wav", "ten", None, 0, transcript="ten", word_error_rate=0.0, latency_ms=640)
    turn.answer.text, turn.answer.first_sound_ms = "You said ten.", 2000
    turn.stages = [
        {"name": "end_of_turn", "start_ms": 0, "end_ms": 500},
        {"name": "model", "start_ms": 500, "end_ms": 540},
    ]
    text = report([turn, TurnRecord("text", "hello", None, None, 0)])
    assert "“ten”   word error rate 0% against “ten”" in text
    assert "“You said ten.”   first sound after 640 ms" in text
    assert "end_of_turn 500 + model 40 = 540 ms" in text
    assert "1 of 2 turns answered" in text
