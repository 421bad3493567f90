import av
import numpy as np
import pytest

from mediaserver.audio import g711
from mediaserver.audio.resample import Resampler
from tests.servers import toned

TEXTS = ["Sentence one of the answer.", "Sentence two of the answer.", "It is five past ten."]


def opus(pcm: bytes, rate: int) -> bytes:
    """Return what a listener hears through Opus at 24 kbit/s, at 48 kHz."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, "mono", "s16", 24_000
    encoder.options = {"application": "voip", "frame_duration": "20"}
    decoder, heard, step = av.CodecContext.create("libopus", "r"), [], rate // 50
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    samples = np.frombuffer(pcm, "<i2")
    for start in range(0, len(samples) - step + 1, step):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + step].copy(), "s16", "mono")
        frame.sample_rate, frame.pts = rate, start
        for packet in encoder.encode(frame):
            heard += [each.to_ndarray() for each in decoder.decode(packet)]
    mono = np.concatenate([each.reshape(1, -1) for each in heard], axis=1)[0]
    return (mono if mono.dtype == np.int16 else (mono * 32767).astype("<i2")).tobytes()


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_a_recording_tells_each_word_and_its_time(rate: int) -> None:
    pcm = bytes(rate) + b"".join(toned.say(text, rate) for text in TEXTS)
    heard = toned.spoken(pcm, rate)
    assert [each.sentence for each in heard] == [1, 2, toned.number(TEXTS[2])]
    assert [each.words for each in heard] == [tuple(range(5))] * 3
    assert abs(heard[0].start_ms - 500) <= 40
    assert abs(heard[1].start_ms - heard[0].start_ms - (5 * 300 + 120)) <= 20


def test_a_sentence_that_begins_again_is_heard_twice_also_at_once() -> None:
    pcm = toned.speak(3, 5, 24000)
    assert toned.sentences(pcm + pcm, 24000) == [3, 3]
    assert toned.sentences(pcm[: len(pcm) // 2] + pcm, 24000) == [3, 3]
    assert toned.sentences(pcm + toned.speak(4, 5, 24000) + pcm, 24000) == [3, 4, 3]


def test_a_hole_in_a_sentence_is_a_gap_and_no_second_sentence() -> None:
    pcm = toned.speak(3, 5, 24000)
    holed = pcm[: 48 * 600] + bytes(48 * 900) + pcm[48 * 600 :]
    assert toned.sentences(holed, 24000) == [3]
    assert max(length for _, length in toned.gaps(holed, 24000)) in range(900, 1000)
    assert max(length for _, length in toned.gaps(pcm, 24000)) < 120


def test_every_sentence_and_word_survives_telephone_opus_and_resampling() -> None:
    for sentence in range(0, 40, 3):
        pcm = toned.speak(sentence, 13, 24000)
        narrow = Resampler(24000, 8000).feed(pcm)
        for heard, rate in (
            (opus(pcm, 24000), 48000),
            (g711.decode_ulaw(g711.encode_ulaw(narrow)), 8000),
            (Resampler(24000, 16000).feed(pcm), 16000),
        ):
            (found,) = toned.spoken(heard, rate)
            assert (found.sentence, found.words) == (sentence, tuple(range(13))), rate


def test_noise_and_silence_are_no_sentences() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 48000).astype("<i2").tobytes()
    assert toned.sentences(noise, 24000) == []
    assert toned.sentences(bytes(48000), 24000) == []
