import numpy as np
import pytest

from mediaserver.audio.levels import SILENCE_DB, dbfs
from mediaserver.audio.opus import OpusDecoder, OpusEncoder, OpusSettings
from mediaserver.audio.packets import (
    LEAD,
    PAUSE_DB,
    SILENCE,
    SPEECH_DB,
    Coded,
    Reader,
    Writer,
    decoded,
    duration_ms,
    encoding,
    loudness,
    ready,
)
from tests.clips import clip
from tests.fakes.caller import tone

RATE = 16000
FRAME = 640


def speech(name="goforward"):
    pcm = clip(name).pcm
    return pcm, list(encoding(pcm, RATE, OpusSettings()))


@pytest.mark.parametrize("ms", [2.5, 5, 10, 20, 40, 60])
def test_a_packet_says_how_long_it_is(ms):
    size = int(RATE * ms / 1000) * 2
    assert duration_ms(OpusEncoder(RATE).encode(tone(100, RATE)[:size])) == ms


@pytest.mark.parametrize(
    ("packet", "ms"),
    [
        (b"", 0),
        (b"\x78", 20),  # a bare first byte is a pause of 20 ms
        (b"\x79" + b"12", 40),  # code 1: two of them
        (b"\x7b\x03" + b"123", 60),  # code 3 counts
        (b"\x7b", 0),
        (SILENCE, 20),
    ],
)
def test_packets_of_several_frames_and_of_none(packet, ms):
    assert duration_ms(packet) == ms


def test_what_a_packet_says_of_its_loudness_follows_the_sound():
    _, packets = speech()
    said = np.array([loudness(packet.opus) for packet in packets])
    sound = np.array([max(packet.level, PAUSE_DB) for packet in packets])
    assert set(said) == {SPEECH_DB, PAUSE_DB}
    assert np.corrcoef(said, sound)[0, 1] > 0.7
    assert ready(packets[0].opus).level == said[0]


def test_pauses_and_packets_of_celt_alone():
    assert loudness(b"\x78") == loudness(SILENCE) == SILENCE_DB
    music = OpusEncoder(48000, OpusSettings(bitrate=128000)).encode(tone(20, 48000))
    assert music[0] >> 3 >= 16
    assert loudness(music) == SPEECH_DB


def test_a_sentence_as_packets_is_the_sentence_to_its_last_sample():
    pcm, packets = speech()
    heard = Reader(RATE).pcm(packets)
    assert len(heard) - len(pcm) <= 2 * FRAME
    delay = RATE * 65 // 10000
    one, other = (np.frombuffer(each, "<i2").astype(float) for each in (pcm, heard[2 * delay :]))
    length = min(len(one), len(other))
    assert length >= len(one) - 1
    assert np.corrcoef(one[:length], other[:length])[0, 1] > 0.75  # shifted by a frame it is nothing
    assert packets[40].level == pytest.approx(dbfs(pcm[40 * FRAME : 41 * FRAME]))


def test_after_a_short_lead_a_packet_sounds_as_to_one_who_heard_all():
    _, packets = speech()
    whole = Reader(RATE).pcm(packets)
    errors = []
    for at in range(20, len(packets) - 1, 5):
        right = np.frombuffer(whole[at * FRAME : (at + 1) * FRAME], "<i2").astype(float)
        made = np.frombuffer(decoded(packets[at - LEAD : at], packets[at : at + 1], RATE), "<i2").astype(float)
        errors.append(np.sum((made - right) ** 2) / max(1.0, np.sum(right**2)))
    assert np.median(errors) < 0.01


def test_what_is_no_opus_is_silence_and_the_stream_goes_on():
    _, packets = speech()
    reader = Reader(RATE)
    assert reader.read(b"\x7b") == bytes(FRAME)
    assert any(reader.pcm(packets[20:25]))


def test_a_frame_remembers_its_packet():
    frame = Coded.of(b"1234", b"opus")
    assert frame == b"1234"
    assert frame.opus == b"opus"
    assert type(frame + b"") is bytes


def test_only_what_has_no_packet_is_encoded():
    pcm, packets = speech()
    frames = [pcm[start : start + FRAME] for start in range(0, len(pcm) - FRAME, FRAME)]
    writer = Writer(RATE)
    assert writer.write(Coded.of(frames[0], b"mine")) == b"mine"
    assert writer.write(bytes(FRAME)) == SILENCE
    assert not any(OpusDecoder(RATE).decode(SILENCE))
    gap = range(30, 34)
    told = [
        writer.write(frame if at in gap else Coded.of(frame, packet.opus))
        for at, (frame, packet) in enumerate(zip(frames, packets, strict=False))
    ]
    assert [at for at, (one, packet) in enumerate(zip(told, packets, strict=False)) if one != packet.opus] == [*gap]
    reader = Reader(RATE)
    levels = [dbfs(reader.read(one)) for one in told]
    assert all(abs(levels[at] - packets[at].level) < 12 for at in gap if packets[at].level > -40)
