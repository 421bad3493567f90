import numpy as np
import pytest

from mediaserver.audio import opus
from mediaserver.audio.opus import Library, OpusSettings
from mediaserver.errors import MediaError
from mediaserver.rtc.formats import DECODERS, FORMATS, PyavIn, PyavOut

RATES = (8000, 16000, 24000, 48000)


def tone(rate, ms=400):
    return (np.sin(np.arange(rate * ms // 1000) * 2 * np.pi * 400 / rate) * 8000).astype("<i2").tobytes()


def through(encoder, decoder, pcm, size):
    return b"".join(decoder.decode(encoder.encode(pcm[start : start + size])) for start in range(0, len(pcm), size))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_tone_comes_through_at_every_rate(name, rate):
    encoder, decoder = FORMATS[name].encoder(rate, OpusSettings()), FORMATS[name].decoder(rate)
    heard = through(encoder, decoder, tone(rate), rate // 50 * 2)
    assert len(heard) == rate * 400 // 1000 * 2
    spectrum = np.abs(np.fft.rfft(np.frombuffer(heard[rate // 5 :], "<i2")))
    assert abs(np.argmax(spectrum) / len(spectrum) * rate / 2 - 400) < 10
    assert len(decoder.decode(encoder.comfort())) == rate // 50 * 2
    for made in (encoder, decoder):
        made.close()
        made.close()


@pytest.mark.parametrize("name", ["pcmu", "pcma", "g722"])
def test_what_cannot_conceal_repeats_and_fades(name):
    decoder, encoder = FORMATS[name].decoder(16000), FORMATS[name].encoder(16000, OpusSettings())
    through(encoder, decoder, tone(16000), 640)
    loud = [np.frombuffer(decoder.conceal(20), "<i2").astype(float).std() for _ in range(4)]
    assert 2000 < loud[0] < 6000
    assert loud[0] > loud[1] > loud[2] > loud[3] == 0
    assert decoder.recover(b"next", 20) is None
    assert not any(FORMATS[name].decoder(16000).conceal(10))
    before = encoder.encode(tone(16000, 20))
    encoder.expect_loss(10)
    encoder.spend(128000)
    assert len(encoder.encode(tone(16000, 20))) == len(before)


@pytest.mark.parametrize("rate", RATES)
def test_comfort_noise_is_silence(rate):
    decoder = DECODERS["cn"](rate)
    assert decoder.decode(b"\x46") == decoder.conceal(20) == bytes(rate // 50 * 2)
    assert decoder.recover(b"next", 20) is None
    decoder.close()


def test_opus_spends_what_it_is_told():
    encoder = FORMATS["opus"].encoder(16000, OpusSettings(bitrate=16000))
    sizes = []
    for bitrate in (16000, 48000):
        encoder.spend(bitrate)
        sizes.append(sum(len(encoder.encode(tone(16000, 20))) for _ in range(50)))
    encoder.close()
    assert sizes[1] > 1.5 * sizes[0]


def test_without_libopus_pyav_carries_opus(monkeypatch):
    monkeypatch.setattr(opus, "libopus", lambda: Library("none", "", "", None))
    encoder, decoder = FORMATS["opus"].encoder(16000, OpusSettings()), FORMATS["opus"].decoder(16000)
    assert isinstance(encoder, PyavOut)
    assert isinstance(decoder, PyavIn)
    heard = through(encoder, decoder, tone(16000), 640)
    assert np.frombuffer(heard[-3200:], "<i2").std() > 2000
    with pytest.raises(MediaError):
        decoder.decode(b"\x03\x3f\xff")
    for made, use in ((encoder, lambda: encoder.encode(bytes(640))), (decoder, lambda: decoder.decode(b"\x08"))):
        made.close()
        with pytest.raises(MediaError, match="closed"):
            use()


def test_comfort_of_opus_is_one_byte_of_the_last_mode():
    encoder = FORMATS["opus"].encoder(16000, OpusSettings())
    said = encoder.encode(tone(16000, 20))
    assert encoder.comfort() == bytes((said[0] & 0xFC,))
    encoder.close()


def test_comfort_sounds_like_the_packet_that_was_sent_last():
    encoder = FORMATS["opus"].encoder(16000, OpusSettings())
    encoder.follow(b"\xfd\x01\x02")
    assert encoder.comfort() == b"\xfc"
    for name in ("pcmu", "g722"):
        other = FORMATS[name].encoder(16000, OpusSettings())
        before = other.comfort()
        other.follow(b"\xfd\x01\x02")
        other.restart()
        assert other.comfort() == before
        other.close()
    encoder.close()
