import numpy as np

from signaling.evaluate.ear import HANG_MS, Ear

LOUD, SILENT = np.full(320, 3000, np.int16), np.zeros(320, np.int16)


def listening():
    edges = []
    return Ear(lambda audible, at: edges.append((audible, at))), edges


def hear(ear, frames, at=0.0):
    for frame in frames:
        ear.hear(frame, at, 20.0)
        at += 20.0
    return at


def test_the_edges_of_sound_are_found_within_a_frame():
    ear, edges = listening()
    first, last = SILENT.copy(), SILENT.copy()
    first[160:] = last[:80] = 3000
    hear(ear, [SILENT, first, LOUD, last, *[SILENT] * 12])
    assert ear.spans == [(30.0, 65.0)] and edges == [(True, 30.0), (False, 65.0)]


def test_a_short_silence_lies_between_two_words_and_a_long_one_between_two_sounds():
    ear, _ = listening()
    hear(ear, [LOUD, *[SILENT] * 8, LOUD, *[SILENT] * 11, LOUD])
    assert ear.spans == [(0.0, 200.0), (420.0, 440.0)]


def test_silence_is_noticed_when_nothing_comes():
    ear, edges = listening()
    hear(ear, [LOUD])
    ear.tick(20 + HANG_MS - 1)
    assert edges == [(True, 0.0)]
    ear.tick(20 + HANG_MS)
    assert edges[1:] == [(False, 20.0)]


def test_what_a_codec_leaves_is_silence():
    ear, _ = listening()
    hear(ear, [np.full(960, 90, np.int16), np.zeros(0, np.int16)])
    assert ear.spans == []
