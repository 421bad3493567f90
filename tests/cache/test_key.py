import dataclasses

import pytest

from mediaserver.cache.key import DIGITS, engine_identity, file_key, spoken_key, written_key
from mediaserver.speech import PLAIN, FileAsk, Manner, SoundFile

BASE = ("shop", "engine", 24000, "Hello.", "ann", 1.0, PLAIN)


@pytest.mark.parametrize(
    ("at", "other"),
    [
        (0, "bank"),
        (1, "other engine"),
        (2, 16000),
        (3, "Hello"),
        (3, "hello."),
        (4, ""),
        (5, 1.1),
        (6, Manner("Softly.")),
        (6, Manner(language="en")),
        (6, Manner(settings={"style": 0.2})),
    ],
)
def test_whatever_makes_a_difference_makes_another_key(at, other):
    changed = [*BASE]
    changed[at] = other
    assert spoken_key(*changed) != spoken_key(*BASE)


def test_the_same_is_the_same_however_it_is_written():
    one = spoken_key(*BASE[:5], 1, Manner(settings={"a": 1, "b": 2}))
    assert one == spoken_key(*BASE[:5], 1.0, Manner(settings={"b": 2, "a": 1}))
    assert one == spoken_key(*BASE[:5], 1.0, Manner(before="So.", settings={"b": 2, "a": 1}))
    assert one is not None and len(one) == DIGITS and set(one) <= set("0123456789abcdef")


def test_parts_cannot_be_moved_from_one_field_to_the_next():
    assert spoken_key("t", "ab", 8000, "c", "", 1, PLAIN) != spoken_key("t", "a", 8000, "bc", "", 1, PLAIN)
    assert spoken_key("t", "e", 8000, 'x","y', "", 1, PLAIN) != spoken_key("t", "e", 8000, "x", "y", 1, PLAIN)


@pytest.mark.parametrize(("text", "manner"), [("\ud800", PLAIN), ("x", Manner(settings={"odd": object()}))])
def test_what_cannot_be_written_down_has_no_key(text, manner):
    assert spoken_key("t", "e", 8000, text, "", 1, manner) is None


def test_a_file_is_known_by_its_bytes_and_by_what_is_asked():
    sound = SoundFile(b"RIFF", "wav", 1.0)
    base = written_key("t", "e", sound, FileAsk())
    assert base == written_key("t", "e", dataclasses.replace(sound, duration=1.01), FileAsk())
    others = [
        written_key("u", "e", sound, FileAsk()),
        written_key("t", "f", sound, FileAsk()),
        written_key("t", "e", SoundFile(b"RIFX", "wav", 1.0), FileAsk()),
        written_key("t", "e", sound, FileAsk(words=True)),
        written_key("t", "e", sound, FileAsk(keywords=("a",))),
    ]
    assert len({base, *others}) == 6


def test_kinds_of_results_share_no_key():
    assert file_key("t", "a", "mp3") != file_key("t", "a", "wav") != file_key("u", "a", "wav")


def test_an_identity_shows_no_option():
    one = engine_identity({"engine": "x", "key": "canary-7f3a"})
    assert "canary" not in one and one != engine_identity({"engine": "x", "key": "other"})
