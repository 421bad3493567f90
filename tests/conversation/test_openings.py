from __future__ import annotations

from mediaserver.conversation.openings import OPENING_MS, Openings

MS = 16  # bytes at 8000 Hz


def test_what_left_last_is_returned_as_far_as_it_is_kept() -> None:
    openings = Openings(8000)
    sound = bytes(range(256)) * 200
    openings.sound("a", sound[:1000])
    openings.sound("a", sound[1000:])
    assert openings.before("a", 100, 40) == sound[60 * MS : 100 * MS]
    assert openings.before("a", 20, 40) == sound[: 20 * MS]
    assert openings.before("a", 0, 40) == b""
    assert openings.before("a", OPENING_MS, 40) == sound[(OPENING_MS - 40) * MS : OPENING_MS * MS]


def test_what_is_not_kept_is_not_known() -> None:
    openings = Openings(8000)
    for name in "abc":
        openings.sound(name, bytes(5000 * MS))
    assert openings.before("a", 100, 40) is None  # the third took its place
    assert openings.before("c", OPENING_MS + 20, 40) is None
    assert openings.before("never", 0, 40) is None
