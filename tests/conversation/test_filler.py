import pytest

from mediaserver.conversation.filler import Filler, Fillers, StopFiller
from mediaserver.toolconfig import ToolFiller

RULES = ToolFiller(after_s=1.5, every_s=8.0, most=2, phrases=("one moment", "still looking"))


@pytest.fixture
def fillers() -> Fillers:
    return Fillers(RULES)


def test_a_phrase_comes_after_the_silence_and_another_one_later(fillers):
    fillers.wait(True, 10.0)
    assert fillers.due == 11.5 and fillers.tick(11.4) == []
    assert fillers.tick(11.5) == [Filler("one moment")]
    fillers.sounding(True, 11.6)
    assert fillers.due is None, "not over itself"
    fillers.sounding(False, 12.6)
    assert fillers.due == 20.6 and fillers.tick(20.6) == [Filler("still looking")]
    fillers.sounding(True, 21.0)
    fillers.sounding(False, 22.0)
    assert fillers.due is None, "most phrases are said"


def test_nothing_is_said_when_nothing_is_waited_for_or_there_is_nothing_to_say(fillers):
    assert fillers.due is None and fillers.tick(100.0) == []
    fillers.wait(True, 100.0)
    fillers.wait(False, 101.0)
    assert fillers.due is None and fillers.tick(200.0) == []
    for rules in (ToolFiller(), ToolFiller(phrases=("x",), most=0)):
        mute = Fillers(rules)
        mute.wait(True, 1.0)
        assert mute.due is None and mute.tick(99.0) == []


def test_never_over_the_caller_or_over_a_reply(fillers):
    fillers.wait(True, 10.0)
    fillers.speech(True, 11.0)
    assert fillers.due is None and fillers.tick(50.0) == []
    fillers.speech(False, 20.0)
    fillers.sounding(True, 20.5)
    assert fillers.due is None
    fillers.sounding(False, 30.0)
    assert fillers.due == 31.5


def test_the_silence_before_the_call_does_not_count_but_sound_after_it_does(fillers):
    fillers.sounding(True, 1.0)
    fillers.wait(True, 2.0)
    fillers.sounding(False, 5.0)
    assert fillers.due == 6.5


def test_a_caller_who_speaks_stops_the_phrase_once(fillers):
    fillers.wait(True, 0.0)
    fillers.tick(1.5)
    fillers.sounding(True, 1.6)
    assert fillers.speech(True, 2.0) == [StopFiller()]
    assert fillers.speech(True, 2.1) == []


def test_a_caller_who_speaks_stops_nothing_else(fillers):
    fillers.wait(True, 0.0)
    fillers.sounding(True, 0.5)
    assert fillers.speech(True, 1.0) == []


def test_the_next_wait_starts_anew_with_the_next_words(fillers):
    fillers.wait(True, 0.0)
    assert fillers.tick(1.5) == [Filler("one moment")]
    fillers.wait(False, 2.0)
    fillers.wait(True, 100.0)
    assert fillers.tick(101.5) == [Filler("still looking")]
