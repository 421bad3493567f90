import io
import wave

from bridges.stt.wav import HEADER, wav


def test_it_can_be_played() -> None:
    pcm = bytes(range(200))
    written = wav(bytearray(pcm), 16000)
    assert len(written) == HEADER + len(pcm)
    with wave.open(io.BytesIO(written)) as opened:
        assert (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (1, 2, 16000)
        assert opened.readframes(1000) == pcm
