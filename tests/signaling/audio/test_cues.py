from mediaserver.speech import SpokenSegment, SpokenWord
from signaling.audio.cues import LONGEST_S, segments_of


def test_pauses_sentences_and_speakers_end_a_segment() -> None:
    words = (
        SpokenWord("Well,", 0.0, 0.3),
        SpokenWord(" yes.", 0.3, 0.6),
        SpokenWord("and", 0.7, 0.9),
        SpokenWord("so", 1.6, 1.8),
        SpokenWord("no", 1.8, 2.0, speaker="B"),
    )
    assert segments_of(words) == (
        SpokenSegment("Well, yes.", 0.0, 0.6),
        SpokenSegment("and", 0.7, 0.9),
        SpokenSegment("so", 1.6, 1.8),
        SpokenSegment("no", 1.8, 2.0, "B"),
    )


def test_none_is_endless() -> None:
    words = [SpokenWord("la", n * 0.5, n * 0.5 + 0.5) for n in range(100)]
    segments = segments_of(words)
    assert len(segments) > 3 and all(each.end - each.start <= LONGEST_S for each in segments)


def test_no_words_no_segments() -> None:
    assert segments_of(()) == ()
