import io
import json
import shutil
import subprocess
import wave

import av
import numpy as np
import pytest

from mediaserver.audio.speechfile import FORMATS, PCM_RATE, SpeechFile
from mediaserver.audio.wav import whole_wav
from tests.soundfiles import LEVEL, tone

CODECS = {"mp3": "mp3", "opus": "opus", "aac": "aac", "flac": "flac", "wav": "pcm_s16le"}
LOOSE_S = {"mp3": 0.12, "aac": 0.14}
"""What coders with frames of their own put before and behind the sound, in seconds."""


def written(form: str, rate: int, seconds: float = 1.0) -> list[bytes]:
    """Return the pieces of a file of a tone, fed in frames of 20 ms."""
    file, sound = SpeechFile(form, rate), tone(rate, seconds).tobytes()
    frame = 2 * (rate // 50)
    return [*(file.feed(sound[at : at + frame]) for at in range(0, len(sound), frame)), file.finish()]


def test_the_forms_are_those_of_the_contract():
    assert dict(FORMATS) == {
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
    }
    with pytest.raises(KeyError):
        SpeechFile("ogg", 24000)


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 48000])
@pytest.mark.parametrize("form", CODECS)
def test_what_is_written_can_be_read(form, rate):
    with av.open(io.BytesIO(b"".join(written(form, rate)))) as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray() for frame in container.decode(stream)]
        assert stream.codec_context.codec.name.removesuffix("float").removeprefix("lib") == CODECS[form]
        assert (stream.rate, stream.channels) == (48000 if form == "opus" else rate, 1)
    sound = np.concatenate(frames, axis=-1)[0].astype(float)
    assert len(sound) / stream.rate == pytest.approx(1.0, abs=LOOSE_S.get(form, 0.02))
    full = 1.0 if np.abs(sound).max() <= 1.0 else 32768.0
    middle = sound[len(sound) // 4 : -len(sound) // 4] / full
    assert middle.std() == pytest.approx(LEVEL / 32768 / 2**0.5, rel=0.1)


def test_pcm_has_no_header_and_one_rate():
    assert b"".join(written("pcm", PCM_RATE)) == tone(PCM_RATE, 1.0).tobytes()
    assert len(b"".join(written("pcm", 16000))) / 2 / PCM_RATE == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_sent_while_it_is_spoken(form):
    parts = written(form, 24000, 3.0)
    half = parts[: len(parts) // 2]
    assert sum(map(len, half)) > 0.3 * sum(map(len, parts))
    assert sum(1 for part in half if part) > 5


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_said_is_a_file_too(form):
    made = SpeechFile(form, 24000).finish()
    assert (made == b"") is (form in ("pcm", "mp3", "aac"))


def test_a_streamed_wav_says_that_its_length_is_unknown_and_a_whole_one_says_it():
    streamed = b"".join(written("wav", 24000))
    assert streamed[4:8] == streamed[40:44] == b"\xff\xff\xff\xff"
    pcm = tone(24000, 1.0).tobytes()
    assert streamed[44:] == pcm
    with wave.open(io.BytesIO(whole_wav(pcm, 24000))) as file:
        assert (file.getframerate(), file.getnchannels(), file.readframes(file.getnframes())) == (24000, 1, pcm)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize("form", CODECS)
def test_ffprobe_says_what_it_is(form, tmp_path):
    path = tmp_path / f"speech.{form}"
    path.write_bytes(b"".join(written(form, 24000, 2.0)))
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", str(path)]
    said = subprocess.run(command, capture_output=True, check=True)
    assert not said.stderr
    facts = json.loads(said.stdout)
    (stream,) = facts["streams"]
    assert (stream["codec_name"], stream["channels"]) == (CODECS[form], 1)
    assert stream["sample_rate"] == ("48000" if form == "opus" else "24000")
    lasted = sum(float(packet.get("duration_time", 0)) for packet in facts["packets"])
    assert lasted == pytest.approx(2.0, abs=LOOSE_S.get(form, 0.03))
