import av
import numpy as np
import pytest

from mediaserver.audio import g711

CODECS = [
    (g711.encode_ulaw, g711.decode_ulaw, "pcm_mulaw", g711.ULAW_SILENCE),
    (g711.encode_alaw, g711.decode_alaw, "pcm_alaw", g711.ALAW_SILENCE),
]


@pytest.mark.parametrize(("encode", "decode", "name", "silence"), CODECS)
def test_every_code_decodes_as_ffmpeg_does(encode, decode, name, silence):
    codec = av.CodecContext.create(name, "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    frame = codec.decode(av.Packet(bytes(range(256))))[0]
    assert decode(bytes(range(256))) == bytes(frame.planes[0])[:512]


@pytest.mark.parametrize(("encode", "decode", "name", "silence"), CODECS)
def test_every_sample_becomes_its_nearest_level(encode, decode, name, silence):
    samples = np.arange(-32768, 32768, dtype=np.int32)
    coded = np.frombuffer(decode(encode(samples.astype("<i2").tobytes())), "<i2").astype(np.int32)
    levels = np.sort(np.unique(np.frombuffer(decode(bytes(range(256))), "<i2"))).astype(np.int32)
    nearest = np.abs(samples[:, None] - levels[None, :]).min(axis=1)
    assert np.array_equal(np.abs(samples - coded), nearest)


@pytest.mark.parametrize(("encode", "decode", "name", "silence"), CODECS)
def test_codes_survive_and_silence_is_silent(encode, decode, name, silence):
    codes = bytes(range(256))
    again = encode(decode(codes))
    assert decode(again) == decode(codes)
    assert np.abs(np.frombuffer(decode(bytes((silence,))), "<i2"))[0] <= 8
