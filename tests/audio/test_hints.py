from __future__ import annotations

from mediaserver.audio.hints import LONGEST_DOUBT_MS, Hint, Hints


def feed(hints: Hints, frames: str, *, guarded: bool = False) -> list[Hint | None]:
    """``#`` is above the echo and the room, ``+`` above the room only, ``.`` neither; the clock starts at 0."""
    return [
        hints.feed(20 * number, above_echo=kind == "#", above_room=kind in "#+", guarded=guarded)
        for number, kind in enumerate(frames, 1)
    ]


def test_on_a_clear_line_40_ms_of_voice_are_a_hint() -> None:
    assert feed(Hints(), "..##") == [None, None, None, Hint(40, 200)]
    assert feed(Hints(), ".#.#")[-1] == Hint(20, 200)
    assert not any(feed(Hints(), "#..#..#..#"))


def test_where_an_echo_is_expected_80_ms_above_it_are() -> None:
    assert feed(Hints(), ".####", guarded=True) == [None, None, None, None, Hint(20, 200)]


def test_above_the_room_only_it_may_be_ours_and_is_held_for_longer() -> None:
    assert feed(Hints(), ".++++", guarded=True) == [None, None, None, None, Hint(20, LONGEST_DOUBT_MS - 100, ours=True)]


def test_there_is_one_hint_for_each_stretch_of_voice() -> None:
    found = feed(Hints(), "#" * 50 + "...#.." + "." * 5 + "##")
    assert [number for number, hint in enumerate(found) if hint is not None] == [1, 62]
