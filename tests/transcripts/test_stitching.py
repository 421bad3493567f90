import pytest

from mediaserver.items import Usage
from mediaserver.speech import FileTranscript, SpokenSegment, SpokenWord
from mediaserver.transcripts.stitching import joined, stitched, summed


def part(text: str, *times: tuple[float, float], **rest: object) -> FileTranscript:
    """Return the transcript of a piece, its words said at these times."""
    words = tuple(SpokenWord(word, *time) for word, time in zip(text.split(), times, strict=False))
    return FileTranscript(text, words=words, **rest)


def test_times_are_those_of_the_file():
    whole = stitched([(0.0, part("one two", (0.5, 0.9), (1.0, 1.4))), (30.2, part("three", (0.1, 0.6)))], 60.0)
    assert whole.text == "one two three"
    assert [(word.text, word.start, word.end) for word in whole.words] == [
        ("one", 0.5, 0.9),
        ("two", 1.0, 1.4),
        ("three", pytest.approx(30.3), pytest.approx(30.8)),
    ]
    assert whole.duration == 60.0


def test_times_beyond_their_piece_or_backwards_are_put_right():
    whole = stitched([(0.0, part("a b c", (9.0, 12.0), (8.0, 8.5), (11.0, 12.0))), (10.0, part("d", (0.0, 0.3)))], 20.0)
    starts = [word.start for word in whole.words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end for word in whole.words)
    assert all(word.end <= 10.0 for word in whole.words[:3])
    assert whole.words[3].start == 10.0


def test_segments_keep_their_speakers_apart_from_those_of_other_pieces():
    def said(speaker: str | None) -> FileTranscript:
        return FileTranscript("x", segments=(SpokenSegment("x", 0.0, 1.0, speaker),))

    assert [s.speaker for s in stitched([(0.0, said("A")), (5.0, said("A"))], 9.0).segments] == ["1.A", "2.A"]
    assert [s.speaker for s in stitched([(0.0, said("A")), (5.0, said(None))], 9.0).segments] == ["A", None]


def test_the_first_language_that_is_told_is_that_of_the_file():
    parts = [FileTranscript(""), FileTranscript("ja", language="de"), FileTranscript("yes", language="en")]
    assert stitched([(float(at), one) for at, one in enumerate(parts)], 3.0).language == "de"
    assert stitched([], 0.0) == FileTranscript("", duration=0.0)


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["Hello.", " How are you? ", "", "Fine."], "Hello. How are you? Fine."),
        (["今日は", "いい天気です。", "そうですね"], "今日はいい天気です。そうですね"),
        (["你好", "GPT 很好"], "你好 GPT 很好"),
        (["안녕하세요", "반갑습니다"], "안녕하세요 반갑습니다"),
        ([], ""),
    ],
)
def test_texts_are_joined_as_their_script_does(texts, whole):
    assert joined(texts) == whole


def test_usage_is_added_up():
    usages = [Usage(input_tokens=3, seconds=1.5, source="provider"), None, Usage(input_tokens=4, seconds=2.0)]
    assert summed(usages) == Usage(input_tokens=7, seconds=3.5, source="provider")
    assert summed([None, None]) is None
