from tests.signaling.evaluate.stage import said, take


def test_an_utterance_knows_where_its_words_and_pauses_were():
    one = said(1000, (0, 400, "one two"), (900, 1100, "three"))
    assert one.end_ms == 2100 and one.pauses == [(1400, 1900)]
    assert one.words(0, 1300) == ["one"] and one.words(1300, 9999) == ["two", "three"]


def test_sounds_that_touch_have_no_pause():
    assert said(0, (0, 400, "one"), (400, 600, "two")).pauses == []


def test_what_happened_is_found_by_its_time():
    first, second = said(0, (0, 100, "a")), said(500, (0, 100, "b"))
    whole = take(first, second, reply=((200, 400), (700, 900)), seen=((150, "committed"), (650, "committed")))
    assert whole.moments("committed", since_ms=200) == [650]
    assert whole.sounding(300) == (200, 400) and whole.sounding(400) is None
    assert whole.replies(0) == [200, 700] and whole.replies(300) == [700]
    assert whole.after(first) == 500 and whole.after(second) == float("inf")
