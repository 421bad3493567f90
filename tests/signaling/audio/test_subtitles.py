from mediaserver.speech import SpokenSegment
from signaling.audio.subtitles import srt, vtt

SEGMENTS = (
    SpokenSegment(" Hello there.\n", 0.0, 1.2345),
    SpokenSegment("a --> b & <i>", 3599.9996, 3661.5, speaker="A"),
)


def test_subrip() -> None:
    assert srt(SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:01,234\nHello there.\n\n2\n01:00:00,000 --> 01:01:01,500\nA: a -> b & <i>\n\n"
    )


def test_webvtt() -> None:
    assert vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\nHello there.\n\n"
        "01:00:00.000 --> 01:01:01.500\n<v A>a -&gt; b &amp; &lt;i&gt;\n\n"
    )


def test_nothing_said() -> None:
    assert srt(()) == "" and vtt(()) == "WEBVTT\n\n"
