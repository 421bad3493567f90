import io
import json
import random
import socket
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from mediaserver.audio import decoder_child
from mediaserver.audio.decoder_child import DEMUXERS, Refused
from mediaserver.audio.files import KINDS
from tests.soundfiles import LEVEL, encoded, film, sound_file, tone


def read(data: bytes, kind: str, rate: int = 16000) -> np.ndarray:
    """Decode a file here; the hostile ones of these tests do what FFmpeg answers with an error."""
    return np.frombuffer(b"".join(decoder_child.decoded(io.BytesIO(data), kind, rate)), "<i2")


def verdict(data: bytes, kind: str) -> str:
    """Return the code with which these bytes are refused, or nothing."""
    try:
        return "" if len(read(data, kind)) else "undecodable"
    except Refused as refused:
        return str(refused)


def wav_that_says(rate: int = 16000, channels: int = 1, data: int = 3200, bits: int = 16, form: int = 1) -> bytes:
    """Return a WAV file of 0.1 s with whatever is wanted in its header."""
    frame = channels * bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, form, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    return b"RIFF\xff\xff\xff\xffWAVE" + head + struct.pack("<4sI", b"data", data) + tone(16000, 0.1).tobytes()


def test_every_kind_has_its_reader() -> None:
    assert tuple(DEMUXERS) == KINDS


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_of_each_kind(kind: str, rate: int) -> None:
    pcm = read(sound_file(kind), kind, rate)
    assert len(pcm) / rate == pytest.approx(1.0, abs=0.12)
    assert pcm[rate // 4 : -rate // 4].astype(float).std() == pytest.approx(LEVEL / 2**0.5, rel=0.1)


@pytest.mark.parametrize(("container", "kind"), [("mp4", "m4a"), ("webm", "webm")])
def test_of_a_film_the_sound_is_read(container: str, kind: str) -> None:
    codec = "aac" if kind == "m4a" else "libopus"
    pcm = read(film(container, codec), kind)
    assert len(pcm) / 16000 == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("data", [0xFFFFFFFF, 0xFFFFFFF0, 0, 3200])
def test_a_length_that_is_not_true_is_not_believed(data: int) -> None:
    assert len(read(wav_that_says(data=data), "wav")) == 1600


@pytest.mark.parametrize(
    ("lie", "codes"),
    [
        ({"channels": 64}, {"unsupported_channels"}),
        ({"channels": 0}, {"unsupported_channels", "undecodable"}),
        ({"rate": 0}, {"unsupported_rate", "undecodable"}),
        ({"rate": 1}, {"unsupported_rate"}),
        ({"rate": 0x7FFFFFFF}, {"unsupported_rate"}),
        ({"form": 0x1234}, {"unsupported_codec", "undecodable"}),
    ],
)
def test_headers_that_lie_are_refused(lie: dict[str, int], codes: set[str]) -> None:
    assert verdict(wav_that_says(**lie), "wav") in codes


def test_a_codec_that_is_not_on_the_list_is_refused() -> None:
    assert verdict(encoded("matroska", "ac3", 48000, tone(48000, 0.5)), "webm") == "unsupported_codec"


def test_a_film_without_sound_has_none() -> None:
    assert verdict(film("webm", None), "webm") == "no_audio"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "m4a"])
def test_of_half_a_file_half_is_read(kind: str) -> None:
    whole = sound_file(kind, 2.0)
    assert 0.3 < len(read(whole[: len(whole) // 2], kind)) / 16000 < 1.6


def test_an_mp4_says_at_its_end_how_it_is_read() -> None:
    whole = sound_file("m4a", 2.0)
    assert verdict(whole[: len(whole) // 2], "m4a") in ("undecodable", "no_audio")


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_head_alone_nothing_is_read(kind: str) -> None:
    assert verdict(sound_file(kind)[:40], kind) in ("undecodable", "no_audio")


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_first_bytes_is_never_guessed(kind: str) -> None:
    assert verdict(sound_file(kind)[:4] + b"v=0\nm=audio 5004 RTP/AVP 0\n" * 50, kind) in ("undecodable", "no_audio")


def test_sound_that_changes_its_form_goes_on() -> None:
    chained = sound_file("ogg") + encoded("ogg", "flac", 16000, tone(16000, 1.0))
    assert len(read(chained, "ogg")) >= 0.9 * 16000


def test_writing_stops_at_the_most(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        with pytest.raises(Refused, match="too_long"):
            decoder_child.write(iter([bytes(100)] * 3), out.fileno(), 250)
        with pytest.raises(Refused, match="undecodable"):
            decoder_child.write(iter([]), out.fileno(), 250)


def test_too_little_memory_has_its_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise av.error.MemoryError(12, "Cannot allocate memory")

    monkeypatch.setattr(decoder_child.confinement, "limit", lambda **_: None)
    monkeypatch.setattr(decoder_child.confinement, "filtered", lambda: True)
    monkeypatch.setattr(decoder_child.av, "open", exhausted)
    request = {"kind": "wav", "rate": 8000, "max_seconds": 1.0, "wall_s": 1.0, "memory_bytes": 0}
    with (tmp_path / "a").open("w+b") as file:
        told = decoder_child.answer(request | {"denoise": False, "loudness": None}, file.fileno(), file.fileno())
    assert told == {"code": "too_complex"}


PROGRAM = """
import os, sys
sys.path += sys.argv[3:]
import json, socket
from mediaserver.audio import decoder_child as child
child.rehearse()
files = [(kind, open(sys.argv[1] + "/" + name, "rb", buffering=0)) for kind, name in json.loads(sys.argv[2])]
child.confinement.limit(memory_bytes=1 << 29, cpu_s=30, file_bytes=1 << 20)
confined = child.confinement.filtered()
verdicts = []
for kind, file in files:
    try:
        verdicts.append(str(sum(map(len, child.decoded(file, kind, 16000))) // 2))
    except child.Refused as refused:
        verdicts.append(str(refused))
os.write(1, json.dumps([confined, verdicts]).encode())
"""


def test_mutants_of_every_kind_end_in_sound_or_in_a_code(tmp_path: Path) -> None:
    """All of them in one confined child, so that what breaks is the child."""
    chance, files = random.Random(7), []
    for kind in KINDS:
        for number in range(20):
            data = bytearray(sound_file(kind, 0.3))
            for _ in range(chance.choice((1, 3, 10, 50))):
                data[chance.randrange(4, chance.choice((64, len(data))))] = chance.choice(
                    (0, 1, 0x7F, 0xFF, chance.randrange(256))
                )
            (tmp_path / f"{kind}{number}").write_bytes(
                data[: chance.choice((len(data), chance.randrange(64, len(data))))]
            )
            files.append((kind, f"{kind}{number}"))
    roots = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(tmp_path), json.dumps(files), *roots],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    _, verdicts = json.loads(done.stdout)
    assert len(verdicts) == len(files)
    known = {"undecodable", "no_audio", "unsupported_codec", "unsupported_channels", "unsupported_rate"}
    assert all(one.isdecimal() or one in known for one in verdicts)
    assert sum(one.isdecimal() and int(one) > 0 for one in verdicts) > len(files) // 4


def test_the_program_answers_one_request_and_ends(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(sound_file("flac"))
    ours, its = socket.socketpair()
    roots = [path for path in sys.path if path]
    program = "import runpy, sys; sys.path += sys.argv[1:]; runpy.run_module(MODULE, run_name='__main__')"
    program = program.replace("MODULE", "'mediaserver.audio.decoder_child'")
    with (
        ours,
        (tmp_path / "in").open("rb") as source,
        (tmp_path / "out").open("w+b") as sink,
        subprocess.Popen([sys.executable, "-I", "-c", program, *roots], stdin=its) as child,
    ):
        its.close()
        assert ours.recv(10) == b"\n"
        request = {"kind": "flac", "rate": 8000, "max_seconds": 10.0, "wall_s": 10.0, "memory_bytes": 1 << 29}
        request |= {"denoise": False, "loudness": None}
        socket.send_fds(ours, [json.dumps(request).encode()], [source.fileno(), sink.fileno()])
        answer = json.loads(ours.recv(1000))
        assert answer["samples"] == pytest.approx(8000, abs=10)
        assert answer["confined"] is (sys.platform == "linux")
        assert (tmp_path / "out").stat().st_size == 2 * answer["samples"]
        assert child.wait(10) == 0
