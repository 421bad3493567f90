import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.stt.deepgram_flux import FORCE_END_TURN, FluxCodec
from bridges.stt.deepgram_listen import LATE_S, SOON_S
from mediaserver.errors import BridgeError
from mediaserver.speech import Partial

SECOND = bytes(32000)
CONNECTED = '{"type":"Connected","request_id":"r","sequence_id":0}'


def info(event: str, text: str, end: float = 1.0, **more: Any) -> str:
    return json.dumps({"type": "TurnInfo", "event": event, "transcript": text, "audio_window_end": end, **more})


def begun() -> FluxCodec:
    codec = FluxCodec(16000)
    assert not codec.ready
    codec.receive(CONNECTED)
    assert codec.ready
    codec.begin("")
    list(codec.hear(SECOND))
    return codec


def test_a_turn_with_a_likely_end_that_was_none() -> None:
    codec = begun()
    told = [
        codec.receive(info(event, text))
        for event, text in (
            ("StartOfTurn", "book"),
            ("Update", "book a table"),
            ("EagerEndOfTurn", "book a table"),
            ("TurnResumed", "book a table"),
            ("Update", "book a table for two"),
            ("EagerEndOfTurn", "book a table for two"),
        )
    ]
    assert [each.ended for each in told if each] == [False, False, True, False, False, True]
    assert codec.finish()[-1] == FORCE_END_TURN
    last = codec.receive(info("EndOfTurn", "Book a table for two.", trigger="manual"))
    assert last == Partial("Book a table for two.", 21, ended=True)
    assert codec.complete
    assert codec.clean


def test_turns_of_flux_are_joined() -> None:
    codec = begun()
    codec.receive(info("StartOfTurn", "Yes."))
    assert codec.receive(info("EndOfTurn", "Yes.", trigger="model")) == Partial("Yes.", 4, ended=True)
    assert not codec.complete
    assert codec.receive(info("StartOfTurn", "please")) == Partial("Yes. please", 4)
    codec.finish()
    codec.receive(info("EndOfTurn", "Please do.", trigger="manual"))
    assert codec.transcript().text == "Yes. Please do."


def test_a_turn_that_flux_ended_first_has_no_answer() -> None:
    codec = begun()
    codec.receive(info("EndOfTurn", "Yes.", 0.9, trigger="model"))
    codec.receive(info("Update", "", 1.0))
    codec.finish()
    codec.settle(SOON_S)
    assert codec.complete
    assert codec.clean


def test_an_end_that_does_not_hold_all_of_the_sound_is_waited_on() -> None:
    codec = begun()
    codec.receive(info("StartOfTurn", "yes", 0.3))
    codec.finish()
    codec.receive(info("EndOfTurn", "yes", 0.4, trigger="manual"))
    assert not codec.complete
    codec.settle(SOON_S)
    assert codec.complete
    assert not codec.clean


def test_an_open_turn_is_waited_for() -> None:
    codec = begun()
    codec.receive(info("StartOfTurn", "yes"))
    codec.finish()
    codec.settle(SOON_S)
    assert not codec.complete
    codec.settle(LATE_S)
    assert codec.complete
    assert not codec.clean


def test_a_provider_that_said_nothing_is_waited_for() -> None:
    codec = begun()
    codec.finish()
    codec.settle(10)
    assert not codec.complete


def test_words_between_turns_spoil_the_socket() -> None:
    codec = FluxCodec(16000)
    codec.receive(info("Update", ""))
    assert codec.clean
    codec.receive(info("StartOfTurn", "ghost"))
    assert not codec.clean


def test_languages_and_keeping() -> None:
    codec = begun()
    codec.receive(info("Update", "hallo", languages=["de"]))
    assert codec.transcript().language == "de"
    assert codec.idle() == (bytes(3200),)


@pytest.mark.parametrize("junk", [b"\0\0", "", "[]", '{"type":"TurnInfo"}', '{"type":"TurnInfo","event":1}'])
def test_nonsense(junk: str | bytes) -> None:
    with pytest.raises(Garbled):
        begun().receive(junk)


def test_what_is_not_known_is_counted() -> None:
    codec = begun()
    assert codec.receive('{"type":"Novel"}') is None
    assert codec.receive(info("Novelty", "x")) is None
    assert codec.unknown == {"Novel": 1, "TurnInfo": 1}


def test_an_error_ends_it() -> None:
    codec = begun()
    assert codec.closed(1000, "") is None
    with pytest.raises(BridgeError, match="failed"):
        codec.receive('{"type":"Error","sequence_id":1,"code":"X","description":"secret"}')
