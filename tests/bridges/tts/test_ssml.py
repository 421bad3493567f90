from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.tts.ssml import is_style, ssml


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=20))
def test_whatever_is_said_stays_a_text(text: str, style: str) -> None:
    document = ElementTree.fromstring(ssml(text, "en-US-X", "en-US", 1.0, {"style": style}).encode("utf-8", "replace"))
    assert len(document) == 1 and len(list(document.iter())) == 3


@pytest.mark.parametrize(("speed", "rate"), [(1.1, "+10%"), (0.75, "-25%"), (0.1, "-50%"), (9.0, "+100%")])
def test_the_pace(speed: float, rate: str) -> None:
    assert f'<prosody rate="{rate}">Hi</prosody>' in ssml("Hi", "v", "en-US", speed, {})


def test_what_is_not_asked_for_is_not_written() -> None:
    plain = ssml("Hi", "v", "en-US", 1.0, {"style": None, "pitch": [1]})
    assert plain.endswith('xml:lang="en-US"><voice name="v">Hi</voice></speak>')


@pytest.mark.parametrize(
    ("words", "style"), [("cheerful", True), ("customer-service", True), ("be kind", False), ("", False)]
)
def test_one_word_is_a_style(words: str, style: bool) -> None:
    assert is_style(words) is style
