"""Test speech is sound with words in it, whichever way it was had."""

import numpy as np
import pytest

from tests import clips


@pytest.mark.parametrize("name", ["goforward", "english123"])
def test_a_clip_is_audible_speech_with_its_words(name):
    clip = clips.clip(name)
    level = np.abs(np.frombuffer(clip.pcm, np.int16).astype(float)).max()
    assert 0.8 < clip.seconds < 10
    assert level > 1000
    assert clip.text == clips.TEXTS[name]


@pytest.mark.parametrize(
    "heard",
    ["go forward ten meters", "old forward and leaders", "both were were ten meters", "Bill forward on meters."],
)
def test_what_is_misheard_a_little_was_understood(heard):
    assert clips.understood("goforward", heard)


@pytest.mark.parametrize("name", sorted({*clips.TEXTS} - {"goforward"}))
def test_what_is_said_in_another_clip_was_not(name):
    assert not clips.understood("goforward", clips.TEXTS[name])
    assert not clips.understood("goforward", "")


def test_without_recordings_the_same_words_are_synthesised(monkeypatch, tmp_path):
    monkeypatch.setattr(clips, "RECORDINGS", tmp_path)
    clip = clips.clip.__wrapped__("cards_001")
    assert not clip.human
    assert clip.text == "ten of clubs"
    assert 0.8 < clip.seconds < 4
