from itertools import count

from signaling.rtvi.segments import Progress, Script


def texts(script: Script) -> list[str]:
    return [segment.text for segment in script.segments]


def test_sentences_are_cut_as_they_are_completed() -> None:
    script = Script(count(3))
    assert script.write("It is ") == []
    assert [segment.text for segment in script.write("3.5 degrees. And")] == ["It is 3.5 degrees."]
    assert [segment.text for segment in script.write(" sunny! ")] == ["And sunny!"]
    assert [segment.text for segment in script.finish("")] == []
    assert [segment.number for segment in script.segments] == [3, 4]


def test_the_rest_is_a_segment_too_and_a_text_without_pieces_is_one() -> None:
    script = Script(count())
    script.write("One. Two")
    assert [segment.text for segment in script.finish("ignored")] == ["Two"]
    whole = Script(count())
    assert [segment.text for segment in whole.finish("All of it")] == ["All of it"]
    assert whole.finish("All of it") == []


def test_scripts_without_spaces_between_sentences() -> None:
    script = Script(count())
    script.write("你好。今天天气很好。再")
    assert texts(script) == ["你好。", "今天天气很好。"]


def test_progress_is_told_once_per_step_with_the_words_that_are_new() -> None:
    script = Script(count())
    script.write("One two. Three four. ")
    one, two = script.segments
    words, progress = script.hear(3)
    assert words == "One" and progress == [Progress(one, "in-progress", "One", "two.")]
    assert script.hear(3) == ("", [])
    words, progress = script.hear(len("One two. Three"))
    assert words == "two. Three"
    assert progress == [Progress(one, "completed", "One two.", ""), Progress(two, "in-progress", "Three", "four.")]
    assert script.hear(5) == ("", [])
    assert script.hear(999)[1] == [Progress(two, "completed", "Three four.", "")]


def test_a_reply_that_is_cut_says_what_was_heard_and_no_more() -> None:
    script = Script(count())
    script.write("One two. Three four")
    assert [segment.text for segment in script.cut(len("One two. Three"))] == ["Three"]
    script.write(" five. Six. ")
    assert script.finish("All of it") == [] and texts(script) == ["One two.", "Three"]
    untold = Script(count())
    assert untold.cut(0) == [] and untold.finish("Never said") == []


def test_a_sentence_that_was_told_stays_when_it_is_cut() -> None:
    script = Script(count())
    script.write("One two. ")
    assert script.cut(3) == [] and texts(script) == ["One two."]
    assert [progress.remaining for progress in script.hear(3)[1]] == ["two."]
