import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.stt.deepgram_listen import FINALIZE, KEEP_ALIVE, LATE_S, SOON_S, ListenCodec
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial

SECOND = bytes(32000)


def results(text: str, start: float = 0.0, duration: float = 1.0, **more: Any) -> str:
    told = {
        "type": "Results",
        "channel": {"alternatives": [{"transcript": text}]},
        "start": start,
        "duration": duration,
    }
    return json.dumps({**told, "is_final": False, **more})


def begun(seconds: int = 1) -> ListenCodec:
    codec = ListenCodec(16000, "en")
    codec.begin("")
    assert (
        b"".join(message for message in codec.hear(SECOND * seconds) if isinstance(message, bytes)) == SECOND * seconds
    )
    return codec


def test_a_turn() -> None:
    codec = begun()
    assert codec.ready
    assert codec.receive(results("book a")) == Partial("book a")
    assert codec.receive(results("Book a table.", is_final=True)) == Partial("Book a table.", 13)
    assert codec.receive(results("for", 1.0)) == Partial("Book a table. for", 13)
    assert list(codec.hear(bytes(100))) == []
    assert codec.finish() == (bytes(100), FINALIZE)
    assert not codec.complete
    codec.receive(results("for two", 1.0, is_final=True, from_finalize=True))
    assert codec.complete
    assert codec.clean
    assert codec.transcript().text == "Book a table. for two"
    assert codec.transcript().language == "en"


def test_a_likely_end_is_told_where_a_silence_was_named() -> None:
    for ends in (True, False):
        codec = ListenCodec(16000, ends=ends)
        codec.begin("")
        list(codec.hear(SECOND * 3))
        told = [
            codec.receive(results("yes", is_final=True, speech_final=True)),
            codec.receive(results("", 1.0)),
            codec.receive(results("but", 2.0)),
        ]
        assert [each.ended for each in told if each] == [ends, ends, False]


def test_a_final_that_nobody_asked_for_ends_nothing() -> None:
    codec = begun()
    codec.receive(results("yes", is_final=True, speech_final=True))
    assert not codec.complete
    assert not codec.clean


def test_where_nothing_is_left_there_may_be_no_answer() -> None:
    codec = begun()
    codec.receive(results("yes", duration=0.9, is_final=True))
    codec.finish()
    codec.settle(SOON_S - 0.1)
    assert not codec.complete
    codec.settle(SOON_S)
    assert codec.complete
    assert codec.clean


def test_an_answer_that_was_lost_costs_the_socket_but_not_the_text() -> None:
    codec = begun(3)
    codec.receive(results("yes please"))
    codec.finish()
    codec.settle(SOON_S)
    assert not codec.complete
    codec.settle(LATE_S)
    assert codec.complete
    assert not codec.clean
    assert codec.transcript().text == "yes please"


def test_a_provider_that_said_nothing_is_waited_for() -> None:
    codec = begun()
    codec.finish()
    codec.settle(10)
    assert not codec.complete


def test_what_comes_late_is_not_of_the_next_turn() -> None:
    codec = begun()
    codec.receive(results("one", duration=0.9, is_final=True))
    codec.finish()
    codec.settle(SOON_S)
    codec.begin("")
    list(codec.hear(SECOND))
    assert codec.receive(results("late", 0.9, 0.1, is_final=True, from_finalize=True)) is None
    assert codec.receive(results("two", 0.9, 1.0)) == Partial("two")


def test_words_between_turns_spoil_the_socket() -> None:
    codec = ListenCodec(16000)
    codec.receive(results("", 0.0, 0.1))
    assert codec.clean
    codec.receive(results("ghost", 0.1, 0.1))
    assert not codec.clean


def test_several_languages() -> None:
    codec = begun()
    alternative = {"transcript": "hola", "languages": ["es", "en"]}
    codec.receive(results("", channel={"alternatives": [alternative]}))
    assert codec.transcript().language == "es"


def test_a_socket_is_kept_by_a_little_sound_first() -> None:
    codec = ListenCodec(16000)
    assert codec.idle() == (bytes(3200),)
    assert codec.idle() == (KEEP_ALIVE,)


@pytest.mark.parametrize("junk", [b"\0\0", "", "[]", '{"type":"Results"}', '{"type":"Results","channel":7}'])
def test_nonsense(junk: str | bytes) -> None:
    with pytest.raises(Garbled):
        begun().receive(junk)


def test_what_is_not_known_is_counted() -> None:
    codec = begun()
    assert codec.receive('{"type":"Novel"}') is None
    assert codec.receive('{"type":"Metadata"}') is None
    assert codec.unknown == {"Novel": 1}


def test_an_error_ends_it() -> None:
    with pytest.raises(BridgeError, match="failed"):
        begun().receive('{"type":"Error","variant":"x","description":"secret"}')


@pytest.mark.parametrize(
    ("reason", "code"), [("NET-0001: nothing came", "timeout"), ("DATA-0000", "refused"), ("", None)]
)
def test_closes(reason: str, code: str | None) -> None:
    told = begun().closed(1011, reason)
    assert (told.code if told else None) == code


def test_a_pause_is_flushed_and_if_it_was_the_end_nothing_more_is_asked() -> None:
    codec = begun()
    assert codec.pause() == (FINALIZE,)
    codec.receive(results("Book a table.", is_final=True, from_finalize=True))
    assert not codec.complete
    list(codec.hear(bytes(9600)))
    assert list(codec.finish()) == []
    assert codec.complete and codec.clean
    assert codec.transcript().text == "Book a table."


def test_an_end_before_the_pause_was_flushed_waits_for_it() -> None:
    codec = begun()
    codec.pause()
    assert list(codec.finish()) == [] and not codec.complete
    codec.receive(results("Book a table.", is_final=True, from_finalize=True))
    assert codec.complete


def test_a_pause_that_was_not_the_end_is_flushed_again() -> None:
    codec = begun()
    codec.pause()
    codec.resume()
    codec.receive(results("Book a table", is_final=True, from_finalize=True))
    list(codec.hear(SECOND))
    assert codec.finish() == (FINALIZE,) and not codec.complete
    codec.receive(results("for two", 1.0, is_final=True, from_finalize=True))
    assert codec.transcript().text == "Book a table for two"
