"""The recogniser's engine in this process, where its answers can be looked at one by one."""

from typing import Any

import numpy as np
import pytest

from bridges.local.sphinx import Level, Sphinx
from tests import clips

pytestmark = pytest.mark.engines
PIECE = 640


@pytest.fixture(scope="module")
def engine() -> Sphinx:
    return Sphinx()


def decode(engine: Sphinx, pcm: bytes) -> tuple[str, list[dict[str, Any]]]:
    engine.begin({})
    partials = [engine.feed(pcm[at : at + PIECE]) for at in range(0, len(pcm), PIECE)]
    return engine.end(lambda _: True)["text"], [partial for partial in partials if partial]


def padded(name: str) -> bytes:
    """The clip with the silence that a turn has before and after its words."""
    return bytes(9600) + clips.clip(name).pcm + bytes(16000)


def test_hears_words_while_they_are_spoken(engine: Sphinx) -> None:
    text, partials = decode(engine, padded("cards_003"))
    assert text == "seven of clubs"
    assert len(partials) >= 2
    assert all(0 <= partial["stable"] <= len(partial["text"]) for partial in partials)


def test_tells_when_each_word_was_said_where_that_is_wanted(engine: Sphinx) -> None:
    for before in (0, 16000):  # half a second of silence moves them all
        engine.begin({"words": True})
        engine.feed(bytes(before) + clips.clip("cards_003").pcm)
        words = engine.end(lambda _: True)["words"]
        assert [text for text, *_ in words] == ["seven", "of", "clubs"]
        assert all(start < end for _, start, end in words)
        first = words[0][1] - before / 32000
        assert 0.0 <= first < 0.4
    engine.begin({})
    engine.feed(clips.clip("cards_003").pcm)
    assert engine.end(lambda _: True) == {"text": "seven of clubs", "words": []}


def test_the_turn_before_changes_nothing(engine: Sphinx) -> None:
    alone = decode(engine, padded("cards_001"))[0]
    decode(engine, padded("librivox_0880"))
    assert decode(engine, padded("cards_001"))[0] == alone


def test_silence_and_nothing_are_no_words(engine: Sphinx) -> None:
    assert decode(engine, b"")[0] == ""
    assert decode(engine, bytes(32000))[0] == ""


@pytest.mark.parametrize("ms", [20, 80, 150])
def test_a_knock_is_no_words(engine: Sphinx, ms: int) -> None:
    knock = (np.random.default_rng(ms).normal(0, 6000, 16 * ms) * np.exp(-np.arange(16 * ms) / (5 * ms))).astype(
        np.int16
    )
    assert decode(engine, bytes(9600) + knock.tobytes() + bytes(16000))[0] == ""


def test_a_dropped_turn_leaves_nothing_behind(engine: Sphinx) -> None:
    engine.begin({})
    engine.feed(padded("goforward"))
    engine.drop()
    assert decode(engine, bytes(32000))[0] == ""


def test_level_is_the_same_for_quiet_and_loud() -> None:
    speech = np.frombuffer(clips.clip("english123").pcm, np.int16)
    quiet, loud = (Level().apply((speech * gain).astype(np.int16)).astype(float) for gain in (0.2, 0.9))
    assert 0.8 < np.sqrt((quiet**2).mean()) / np.sqrt((loud**2).mean()) < 1.25
