import base64
import json
from typing import Any

import pytest

from bridges.codec import Garbled
from bridges.tts.elevenlabs.contexts import SLOTS, Contexts
from bridges.tts.wire import Ask, Heard
from mediaserver.errors import BridgeError
from mediaserver.events import WordTime
from mediaserver.speech import Sound


def wire(**fields: Any) -> str:
    if "audio" in fields:
        fields["audio"] = base64.b64encode(fields["audio"]).decode()
    return json.dumps(fields)


def letters(text: str) -> dict[str, Any]:
    return {
        "chars": list(text),
        "charStartTimesMs": [10 * each for each in range(len(text))],
        "charDurationsMs": [10] * len(text),
    }


def test_a_text_is_a_context_of_its_own() -> None:
    contexts = Contexts(16000)
    opening, text, close = map(json.loads, contexts.begin(1, Ask("Hello.", {"style": 0.5}), 0.0))
    assert opening == {"text": " ", "context_id": "text-1", "voice_settings": {"style": 0.5}}
    assert text == {"text": "Hello. ", "context_id": "text-1", "flush": True}
    assert close == {"context_id": "text-1", "close_context": True}
    assert contexts.room(0.0) == SLOTS - 1


def test_sound_finds_its_text_and_words_count_from_its_start() -> None:
    contexts = Contexts(16000)
    contexts.begin(1, Ask("Hi you"), 0.0)
    contexts.begin(2, Ask("x"), 0.0)
    first = contexts.receive(wire(audio=bytes(3201), contextId="text-1", alignment=letters("Hi yo")))
    assert first == (Heard(1, Sound(bytes(3200), (WordTime("Hi", 0, 20),))),)
    second = contexts.receive(wire(audio=bytes(3199), contextId="text-1", isFinal=None, alignment=letters("u")))
    assert second == (Heard(1, Sound(bytes(3200))),)
    last = contexts.receive(wire(audio=b"", isFinal=True, contextId="text-1"))
    assert last == (Heard(1, Sound(b"", (WordTime("you", 30, 110),))), Heard(1, None))
    assert contexts.receive(wire(audio=b"ab", contextId="text-1")) == ()
    assert contexts.receive(wire(audio=b"ab")) == ()
    assert contexts.room(0.0) == SLOTS - 1


def test_a_cancelled_context_is_closed_and_keeps_its_place_until_it_is_over() -> None:
    contexts = Contexts(16000)
    for speech in range(SLOTS):
        contexts.begin(speech, Ask("x"), 0.0)
    assert contexts.room(0.0) == 0 and not contexts.settling
    assert json.loads(contexts.cancel(2)[0]) == {"context_id": "text-2", "close_context": True}
    assert contexts.cancel(99) == ()
    assert contexts.receive(wire(audio=b"ab", contextId="text-2")) == ()
    assert contexts.settling and contexts.room(0.0) == 0
    contexts.receive(wire(isFinal=True, contextId="text-2"))
    assert not contexts.settling and contexts.room(0.0) == 1


def test_errors_end_the_socket() -> None:
    with pytest.raises(BridgeError) as failed:
        Contexts(16000).receive(wire(message="The key sk-1 is wrong", error="invalid_api_key", code=1008))
    assert failed.value.code == "unauthorized" and "sk-1" not in failed.value.message
    assert Contexts(16000).closed(1000).code == "connection_lost"
    assert json.loads(Contexts(16000).goodbye()[0]) == {"close_socket": True}


@pytest.mark.parametrize(
    "junk", [b"\x00", "[1]", '{"audio": 7}', '{"audio": "!"}', '{"alignment": "x"}', "{" * 100_000]
)
def test_nonsense_is_told(junk: str | bytes) -> None:
    with pytest.raises(Garbled):
        Contexts(16000).receive(junk)
