from __future__ import annotations

from mediaserver.audio.inbound import Offset, Onset
from mediaserver.conversation.speaking import FORGET_S, Speaking
from mediaserver.events import SpeechStarted, SpeechStopped


def names(*told: list[object]) -> list[str]:
    return [type(event).__name__ for events in told for event in events]


def test_a_provider_that_says_both_is_believed_and_our_own_ears_are_not() -> None:
    speaking = Speaking("both")
    assert speaking.edge(Onset(100), 1.0) == []
    assert speaking.started(SpeechStarted("a", 90)) == [SpeechStarted("a", 90)]
    assert speaking.now
    assert speaking.stopped(SpeechStopped("a", 500)) == [SpeechStopped("a", 500)]
    assert speaking.committed("a", 520) == []
    assert not speaking.now
    assert speaking.due is None


def test_one_that_says_the_start_alone_has_its_stop_before_the_commit() -> None:
    speaking = Speaking("start")
    speaking.started(SpeechStarted("a", 90))
    assert speaking.edge(Offset(480, 390), 1.5) == []
    assert not speaking.now
    assert speaking.committed("a", 900) == [SpeechStopped("a", 480)]
    assert speaking.committed("b", 1900) == [SpeechStarted("b", 1900), SpeechStopped("b", 1900)]


def test_of_one_that_says_nothing_we_say_all_under_one_name() -> None:
    speaking = Speaking("none")
    (started,) = speaking.edge(Onset(100), 1.0)
    assert isinstance(started, SpeechStarted)
    assert speaking.edge(Onset(400), 1.3) == []
    speaking.edge(Offset(700, 300), 1.8)
    assert speaking.committed("theirs", 900) == [SpeechStopped(started.item_id, 700)]
    assert speaking.name("theirs") == started.item_id
    assert speaking.name("other") == "other"


def test_a_pause_within_a_turn_is_no_end() -> None:
    speaking = Speaking("none")
    speaking.edge(Onset(100), 1.0)
    speaking.edge(Offset(300, 200), 1.5)
    speaking.edge(Onset(600), 1.9)
    assert speaking.now
    assert speaking.due is None


def test_what_was_no_turn_is_over_after_a_while() -> None:
    speaking = Speaking("none")
    (started,) = speaking.edge(Onset(100), 1.0)
    speaking.edge(Offset(300, 200), 2.0)
    assert speaking.due == 2.0 + FORGET_S
    assert speaking.tick(2.0 + FORGET_S - 0.1) == []
    assert speaking.tick(2.0 + FORGET_S) == [SpeechStopped(started.item_id, 300)]  # type: ignore[attr-defined]
    assert speaking.tick(100.0) == []


def test_a_stop_without_a_start_brings_its_start() -> None:
    told = Speaking("both").stopped(SpeechStopped("a", 500))
    assert told == [SpeechStarted("a", 500), SpeechStopped("a", 500)]


def test_a_stop_under_another_name_keeps_the_one_that_was_told() -> None:
    speaking = Speaking("both")
    speaking.started(SpeechStarted("a", 90))
    assert speaking.stopped(SpeechStopped("b", 500)) == [SpeechStopped("a", 500)]
    assert speaking.name("b") == "a"


def test_names_are_bounded() -> None:
    speaking = Speaking("none")
    for number in range(200):
        speaking.edge(Onset(number), 1.0)
        speaking.committed(f"theirs{number}", number)
    assert speaking.name("theirs0") == "theirs0"
    assert speaking.name("theirs199") != "theirs199"


def test_who_leaves_ends_what_was_begun_once() -> None:
    speaking = Speaking("both")
    assert speaking.leave(10) == []
    speaking.started(SpeechStarted("a", 90))
    assert speaking.leave(700) == [SpeechStopped("a", 700)]
    assert speaking.leave(800) == []
