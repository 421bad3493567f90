import asyncio
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.decoders import warm_decoders
from mediaserver.audio.files import HEAD, KINDS, DecodeLimits, decoded, kind_of
from mediaserver.errors import UnsupportedSound, UnusableSound
from tests.soundfiles import sound_file

DISGUISES = {
    "playlist": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n",
    "session description": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "manifest": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "text": b"Hello, this is no sound at all.",
    "matroska that is no webm": b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska",
    "AAC without a container": b"\xff\xf1\x50\x80\x00\x1f\xfc\x00",
    "picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
}


PLENTY = DecodeLimits()


async def refused(path: Path, data: bytes, limits: DecodeLimits = PLENTY) -> UnusableSound:
    """Return why these bytes are refused."""
    path.write_bytes(data)
    with pytest.raises(UnusableSound) as refusal:
        async with decoded(path, limits=limits):
            pass
    return refusal.value


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_known_by_its_first_bytes(kind):
    assert kind_of(sound_file(kind)[:HEAD]) == kind


def test_an_mp3_needs_no_tag():
    assert kind_of(b"\xff\xfb\x90\x64" + bytes(HEAD)) == "mp3"
    for not_one in (b"\xff\xf1\x50\x80", b"\xff\xff\xff\xff", b"\xff\xfb", b"\xff\xeb\x90\x64"):
        with pytest.raises(UnsupportedSound):
            kind_of(not_one)


@given(st.binary(max_size=64))
def test_any_bytes_are_of_a_kind_or_of_none(head):
    try:
        assert kind_of(head) in KINDS
    except UnsupportedSound as refusal:
        assert all(kind in refusal.message for kind in KINDS)


async def test_a_file_is_read_whatever_it_is_called(tmp_path):
    path = tmp_path / "named.txt"
    async with warm_decoders():
        for kind in ("webm", "m4a"):
            path.write_bytes(sound_file(kind))
            async with decoded(path) as sound:
                assert (sound.kind, sound.rate) == (kind, 16000)
                assert sound.duration == pytest.approx(1.0, abs=0.12)
                assert sound.pcm.dtype == np.int16
                assert not sound.pcm.flags.writeable
            assert len(sound.pcm) == 0


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
async def test_what_is_no_sound_is_refused_before_any_decoder_sees_it(tmp_path, disguise):
    refusal = await refused(tmp_path / "a", disguise)
    assert isinstance(refusal, UnsupportedSound)
    assert refusal.code == "unsupported_format"


async def test_an_empty_file_says_so(tmp_path):
    assert (await refused(tmp_path / "a", b"")).code == "empty_file"


async def test_what_is_too_much_is_refused_with_its_own_code(tmp_path, caplog):
    path, minute = tmp_path / "a", sound_file("flac", 60.0)
    async with warm_decoders():
        with caplog.at_level(logging.DEBUG, "mediaserver"):
            too_long = await refused(path, minute, DecodeLimits(max_seconds=2))
            assert (too_long.code, "2 seconds" in too_long.message) == ("too_long", True)
            assert (await refused(path, minute, DecodeLimits(wall_s=0.0))).code == "too_slow"
            assert (await refused(path, sound_file("mp3")[:60])).code == "undecodable"
    assert not [record for record in caplog.records if record.name.startswith("mediaserver")]


async def test_a_caller_who_goes_away_takes_the_decoder_along(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(sound_file("flac", 60.0))

    async def read() -> None:
        async with decoded(path):
            raise AssertionError("it was cancelled before")

    task = asyncio.create_task(read())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        async with decoded(tmp_path / "none"):
            pass
