from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.lull import AFTER_MS, PIECE_MS, Lull

SOUND, SILENCE = b"\x01\x00" * 480, bytes(960)


def test_sound_and_short_pauses_pass_at_once():
    lull = Lull()
    for frame in [SOUND, *[SILENCE] * (AFTER_MS // 20), SOUND]:
        assert lull.feed(frame) == frame


def test_a_long_silence_comes_in_pieces_and_a_sound_brings_the_rest():
    lull = Lull()
    for _ in range(AFTER_MS // 20):
        lull.feed(SILENCE)
    pieces = [len(lull.feed(SILENCE)) // 960 for _ in range(2 * PIECE_MS // 20)]
    assert pieces == ([0] * (PIECE_MS // 20 - 1) + [PIECE_MS // 20]) * 2
    assert lull.feed(SILENCE) == b""
    assert lull.feed(SOUND) == SILENCE + SOUND
    assert lull.feed(SILENCE) == SILENCE


@given(st.lists(st.integers(0, 120), max_size=8))
def test_nothing_is_lost_and_the_order_stays(lengths):
    lull, said = Lull(), []
    for index, length in enumerate(lengths):
        said += [SILENCE if index % 2 else SOUND] * length
    heard = b"".join(lull.feed(frame) for frame in said) + lull.take()
    assert heard == b"".join(said)
