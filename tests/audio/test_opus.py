import ctypes
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mediaserver.audio import opus
from mediaserver.audio.opus import RATES, OpusDecoder, OpusEncoder, OpusSettings
from mediaserver.errors import MediaError
from tests.clips import clip


@pytest.fixture
def decoder():
    made = OpusDecoder(16000)
    yield made
    made.close()


def speech(rate, ms=20, at=0):
    time = (np.arange(rate * ms // 1000) + at * rate // 50) / rate
    voice = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 12))
    return (voice * 5000 * (1.2 + np.sin(2 * np.pi * 3 * time))).astype("<i2").tobytes()


def test_finds_the_library_of_pyav_and_says_so():
    library = opus.libopus()
    assert library.source in ("pyav", "system")
    assert library.version.startswith("libopus ")
    assert opus.libopus() is library


def test_falls_back_to_the_system_and_then_to_none(monkeypatch):
    monkeypatch.setattr(opus, "_bundled", lambda: "/nowhere/libopus.so")
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "/nowhere/either.so")
    assert opus.libopus.__wrapped__() == opus.Library("none", "", "", None)
    monkeypatch.setattr(opus, "libopus", lambda: opus.Library("none", "", "", None))
    with pytest.raises(MediaError, match="no libopus"):
        OpusDecoder(16000)


def test_finds_the_wheel_of_every_system(monkeypatch, tmp_path):
    package = tmp_path / "av"
    for path in ("av.libs/libopus-1.so.0.11.1", "av/.dylibs/libopus.0.dylib", "av/readme-opus.txt"):
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True, parents=True)
        target.touch()
    monkeypatch.setitem(sys.modules, "av", SimpleNamespace(__file__=str(package / "__init__.py")))
    assert opus._bundled() == str(tmp_path / "av.libs/libopus-1.so.0.11.1")
    (tmp_path / "av.libs/libopus-1.so.0.11.1").unlink()
    assert opus._bundled() == str(package / ".dylibs/libopus.0.dylib")


@pytest.mark.parametrize("rate", RATES)
def test_decodes_straight_to_each_rate(rate):
    encoder, decoder = OpusEncoder(48000), OpusDecoder(rate)
    frames = [decoder.decode(encoder.encode(speech(48000, at=at))) for at in range(10)]
    assert {len(frame) for frame in frames} == {rate // 50 * 2}
    assert np.frombuffer(frames[-1], "<i2").std() > 1000
    encoder.close()
    decoder.close()


@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_frames_of_other_lengths(ms, decoder):
    encoder = OpusEncoder(16000)
    assert len(decoder.decode(encoder.encode(speech(16000, ms)))) == 32 * ms
    encoder.close()


def lossy(percent):
    pcm = clip("numbers").pcm
    encoder = OpusEncoder(16000, OpusSettings(bitrate=32000, fec=True))
    encoder.expect_loss(percent)
    packets = [encoder.encode(pcm[start : start + 640]) for start in range(0, len(pcm) - 640, 640)]
    encoder.close()
    return packets


def heal(packets, mend):
    """Return the error energy with every sixth packet lost and mended, against all decoded."""
    whole, broken, error = OpusDecoder(16000), OpusDecoder(16000), 0.0
    for index, packet in enumerate(packets[:-1]):
        wanted = whole.decode(packet)
        heard = mend(broken, packets[index + 1]) if index % 6 == 5 else broken.decode(packet)
        error += float(np.sum((np.frombuffer(wanted, "<i2").astype(float) - np.frombuffer(heard, "<i2")) ** 2))
    whole.close()
    broken.close()
    return error


def test_fec_is_carried_when_loss_is_expected_and_heals_better_than_concealment_than_silence():
    packets = lossy(20)
    assert sum(map(opus.carries_fec, packets)) > len(packets) / 4
    assert not any(map(opus.carries_fec, lossy(0)))
    fec = heal(packets, lambda decoder, after: decoder.recover(after, 20) or decoder.conceal(20))
    concealed = heal(packets, lambda decoder, after: decoder.conceal(20))
    silence = heal(packets, lambda decoder, after: bytes(640))
    assert fec < concealed < silence


def test_the_flag_of_fec_is_what_libopus_says():
    function = getattr(opus.libopus().functions, "opus_packet_has_lbrr", None)
    if function is None:
        pytest.skip("this libopus is older than the question")
    function.argtypes = (ctypes.c_char_p, ctypes.c_int)
    packets = lossy(20)
    assert [opus.carries_fec(packet) for packet in packets] == [
        function(packet, len(packet)) == 1 for packet in packets
    ]


@pytest.mark.parametrize(
    ("packet", "carries"),
    [
        (b"", False),
        (b"\x08", False),
        (bytes((9 << 3, 0x40)), True),  # SILK WB 20 ms: VAD bit, then LBRR
        (bytes((9 << 3, 0x80)), False),
        (bytes((10 << 3, 0x20)), True),  # 40 ms: two VAD bits
        (bytes((11 << 3, 0x10)), True),  # 60 ms: three
        (bytes((9 << 3 | 4, 0x10)), True),  # stereo: the side channel's flag
        (bytes((13 << 3, 0x40)), True),  # hybrid
        (bytes((16 << 3, 0x40)), False),  # CELT has none
        (bytes((9 << 3 | 3, 0x40)), False),
        (bytes((9 << 3 | 2, 10)), False),
    ],
)
def test_reads_the_flag_of_fec(packet, carries):
    assert opus.carries_fec(packet) is carries


def test_garbage_is_refused_and_the_next_packet_decodes(decoder):
    good = lossy(0)
    for garbage in (b"\xff\xff", b"\x03\x3f", bytes(200)[:3] + b"\xff" * 5, b"\x0b"):
        try:
            decoder.decode(garbage)
        except MediaError as error:
            assert "Opus" in str(error)
    assert len(decoder.decode(good[0])) == 640
    with pytest.raises(MediaError):
        decoder.decode(b"\x03")


def test_settings_are_obeyed():
    def size(**settings):
        encoder = OpusEncoder(16000, OpusSettings(**settings))
        total = sum(len(encoder.encode(speech(16000, at=at))) for at in range(50))
        encoder.close()
        return total

    assert size(bitrate=12000) < size(bitrate=32000) < size(bitrate=64000)
    narrow = OpusEncoder(48000, OpusSettings(max_rate=8000))
    assert narrow.encode(speech(48000))[0] >> 3 < 4  # SILK, narrow band
    narrow.close()
    quiet = OpusEncoder(16000, OpusSettings(dtx=True))
    noise = np.random.default_rng(1).integers(-2, 2, (60, 320)).astype("<i2")
    assert min(len(quiet.encode(frame.tobytes())) for frame in noise) <= 2
    quiet.close()


SILK_WIDE, HYBRID, CELT_WIDE, CELT_SUPER_WIDE = {8, 9, 10, 11}, {12, 13}, {20, 21, 22, 23}, {24, 25, 26, 27}
"""Configurations of RFC 6716, table 2."""


def modes(encoder):
    """Return the configurations in which some speech at 24 kHz is encoded."""
    pcm = clip("numbers").pcm
    return {encoder.encode(pcm[at : at + 960])[0] >> 3 for at in range(16000 + 10 * 960, 16000 + 40 * 960, 960)}


@pytest.mark.parametrize(
    ("effort", "loss", "expected"),
    [
        (5, 0, HYBRID),
        (5, 10, HYBRID),
        (2, 0, CELT_SUPER_WIDE),
        (2, 10, HYBRID),
        (0, 0, CELT_WIDE),
        (0, 10, SILK_WIDE),
    ],
)
def test_little_effort_is_celt_until_something_is_lost(effort, loss, expected):
    begun, eased = OpusEncoder(24000, OpusSettings(complexity=effort, fec=True)), OpusEncoder(24000)
    eased.ease(effort)
    for encoder in (begun, eased):
        encoder.expect_loss(loss)
        assert modes(encoder) <= expected
        encoder.close()


def test_effort_that_comes_back_is_what_it_was():
    encoder = OpusEncoder(24000, OpusSettings(complexity=0))
    assert modes(encoder) <= CELT_WIDE
    encoder.ease(5)
    assert modes(encoder) & HYBRID
    encoder.close()


def test_a_closed_one_says_so():
    encoder, decoder = OpusEncoder(16000), OpusDecoder(16000)
    for made, use in ((encoder, lambda: encoder.encode(bytes(640))), (decoder, lambda: decoder.decode(b"\x08"))):
        made.close()
        made.close()
        with pytest.raises(MediaError, match="closed"):
            use()


def test_refuses_what_opus_cannot():
    for make in (OpusDecoder, OpusEncoder):
        with pytest.raises(MediaError, match="44100"):
            make(44100)
    encoder = OpusEncoder(16000)
    with pytest.raises(MediaError):
        encoder.encode(bytes(100))
    encoder.close()


@pytest.mark.parametrize("ms", [0, 125, 1000])
def test_never_decodes_past_the_room_that_there_is(ms):
    decoder = OpusDecoder(24000)
    for use in (lambda: decoder.conceal(ms), lambda: decoder.recover(b"\x08\xc0" + bytes(20), ms)):
        with pytest.raises(MediaError, match="120 ms"):
            use()
    decoder.close()


def test_an_encoder_that_restarts_encodes_like_a_new_one():
    frames = [speech(16000, at=at) for at in range(20)]
    new, used = OpusEncoder(16000), OpusEncoder(16000)
    for frame in frames:
        used.encode(frame)
    used.restart()
    assert [used.encode(frame) for frame in frames] == [new.encode(frame) for frame in frames]
