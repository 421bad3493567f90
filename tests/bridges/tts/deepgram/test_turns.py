import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.tts.deepgram.turns import AURA, FLUX, WINDOW_S, Dialect, Turns
from bridges.tts.wire import Ask, Heard
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound


def wire(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


@pytest.mark.parametrize("dialect", [AURA, FLUX])
def test_one_text_at_a_time(dialect: Dialect) -> None:
    turns = Turns(dialect)
    assert turns.room(0.0) == 1
    assert [json.loads(each) for each in turns.begin(1, Ask("Hi"), 0.0)] == [
        {"type": "Speak", "text": "Hi"},
        {"type": "Flush"},
    ]
    assert turns.room(0.0) == 0
    assert turns.receive(b"abc") == (Heard(1, Sound(b"ab")),)
    assert turns.receive(b"d") == (Heard(1, Sound(b"cd")),)
    assert (
        turns.receive(wire("SpeechStarted"))
        == turns.receive(wire("Metadata"))
        == turns.receive(wire("Of tomorrow"))
        == ()
    )
    assert turns.receive(wire(dialect.done)) == (Heard(1, None),)
    assert turns.room(0.0) == 1 and turns.receive(b"late") == ()
    assert json.loads(turns.goodbye()[0]) == {"type": "Close"}


@pytest.mark.parametrize("dialect", [AURA, FLUX])
def test_what_is_stopped_is_not_heard_and_the_next_waits_for_the_answer(dialect: Dialect) -> None:
    turns = Turns(dialect)
    turns.begin(1, Ask("Hi"), 0.0)
    assert turns.cancel(7) == ()
    assert json.loads(turns.cancel(1)[0]) == {"type": dialect.stop}
    assert turns.receive(b"ab") == () and turns.settling and turns.room(0.0) == 0
    turns.receive(wire(dialect.stopped, sequence_id=1))
    assert not turns.settling and turns.room(0.0) == 1


def test_a_flush_that_is_told_after_its_clear_does_not_end_the_next_text() -> None:
    turns = Turns(AURA)
    turns.begin(1, Ask("Hi"), 0.0)
    turns.cancel(1)
    turns.receive(wire("Cleared"))
    turns.begin(2, Ask("Ho"), 0.0)
    assert turns.receive(wire("Flushed")) == ()
    turns.receive(b"ab")
    assert turns.receive(wire("Flushed")) == (Heard(2, None),)


def test_a_minute_has_twenty_flushes_of_aura() -> None:
    turns = Turns(AURA)
    for at in range(20):
        assert turns.room(float(at)) == 1
        turns.begin(at, Ask("Hi"), float(at))
        turns.receive(wire("Flushed"))
    assert [turns.room(at) for at in (20.0, WINDOW_S - 0.1, WINDOW_S)] == [0, 0, 1]
    flux = Turns(FLUX)
    for at in range(30):
        flux.begin(at, Ask("Hi"), 0.0)
        flux.receive(wire("SpeechMetadata"))
    assert flux.room(0.0) == 1


@pytest.mark.parametrize(
    ("code", "settling", "spent"),
    [("NO_ACTIVE_SPEECH", False, False), ("NO_AUDIO_GENERATED", True, True), ("SYNTHESIS_RETRYING", True, False)],
)
def test_an_interrupt_that_changed_nothing_ends_the_socket(code: str, settling: bool, spent: bool) -> None:
    turns = Turns(FLUX)
    turns.receive(wire("Warning", code=code))
    assert not turns.spent
    turns.begin(1, Ask("Hi"), 0.0)
    turns.cancel(1)
    turns.receive(wire("Warning", code=code))
    assert (turns.settling, turns.spent) == (settling, spent)


def test_errors_end_the_socket_and_nonsense_is_told() -> None:
    with pytest.raises(BridgeError) as failed:
        Turns(FLUX).receive(wire("Error", code="NET-0000", description="Secret text."))
    assert failed.value.code == "unavailable" and "Secret" not in failed.value.message
    assert Turns(AURA).closed(1000).code == "connection_lost"
    for junk in ("[1]", '{"type": 7}', "{" * 100_000, ""):
        with pytest.raises(Garbled):
            Turns(AURA).receive(junk)
