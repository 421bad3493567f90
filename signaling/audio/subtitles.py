"""Segments as subtitles: SubRip (``srt``) and WebVTT (``vtt``, W3C "WebVTT: The Web Video Text Tracks Format"). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mediaserver.speech import SpokenSegment

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def srt(segments: Sequence[SpokenSegment]) -> str:
    """Return numbered cues; who speaks stands before the text."""
    cues = (
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_said_by(each)}{_line(each.text)}\n\n"
        for number, each in enumerate(segments, 1)
    )
    return "".join(cues)


def vtt(segments: Sequence[SpokenSegment]) -> str:
    """Return a WebVTT file; who speaks is a voice tag."""
    cues = (
        f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_voice(each)}{_line(each.text).translate(_ESCAPES)}\n\n"
        for each in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _clock(seconds: float, point: str) -> str:
    whole, ms = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{ms:03d}"


def _line(text: str) -> str:
    """Return the text on one line: an empty one would end the cue, and an arrow would begin another."""
    return " ".join(text.split()).replace("-->", "->")


def _said_by(segment: SpokenSegment) -> str:
    return f"{_line(segment.speaker)}: " if segment.speaker else ""


def _voice(segment: SpokenSegment) -> str:
    return f"<v {_line(segment.speaker).translate(_ESCAPES)}>" if segment.speaker else ""
