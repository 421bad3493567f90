from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Offset, Onset
from mediaserver.audio.prosody import Prosody
from mediaserver.conversation.turn import (
    HINT_REST_S,
    LONG_NOISE_S,
    LONG_SPEECH_S,
    RESUME_AFTER_S,
    TRANSCRIPT_WITHIN_S,
    Answer,
    Begin,
    Commit,
    Committed,
    Drop,
    GiveUpWaiting,
    Happening,
    Interrupt,
    Judged,
    Pause,
    ReplyHeard,
    ReplyMade,
    ReplyOver,
    Resume,
    Tick,
    Turn,
    Words,
)
from mediaserver.settings import TurnDetection

SERVER = TurnDetection()
SEMANTIC = TurnDetection("semantic_vad")
SPEECH = Offset(1000, 800)
COUGH = Offset(1000, 60)


def turn(detection: TurnDetection | None = SERVER) -> Turn:
    numbers = count(1)
    return Turn(detection, lambda: f"item_{next(numbers)}")


def heard_reply(detection: TurnDetection | None = SERVER) -> Turn:
    """A turn while a reply is heard, at 10 s."""
    one = turn(detection)
    one.on(ReplyMade(), 9.0)
    one.on(ReplyHeard(), 10.0)
    return one


def kinds(actions: list[object]) -> list[type]:
    return [type(action) for action in actions]


def test_a_turn_from_the_first_sound_to_the_answer() -> None:
    one = turn()
    assert one.on(Onset(200), 1.0) == [Begin("item_1", 200)]
    assert one.state == "speaking"
    assert one.on(SPEECH, 2.0) == [Commit("item_1", 1000)]
    assert one.state == "deciding"
    assert one.on(Words("item_1", "hello", final=True), 2.1) == [Answer()]
    assert one.state == "replying"
    one.on(ReplyHeard(), 2.5)
    assert one.on(ReplyOver(), 4.0) == []
    assert (one.state, one.due) == ("idle", None)


def test_no_words_no_answer() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    assert one.on(Words("item_1", " ", final=True), 2.1) == []
    assert one.state == "idle"


def test_a_filler_is_an_answer_when_nobody_else_speaks() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    assert one.on(Words("item_1", "mm-hmm", final=True), 2.1) == [Answer()]


def test_a_transcript_that_never_comes_does_not_hang() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    assert one.due == 2.0 + TRANSCRIPT_WITHIN_S
    assert one.on(Tick(), one.due) == []
    assert one.state == "idle"


# --- barge-in ---------------------------------------------------------------------------------------------------------


def test_barge_in_pauses_at_once_and_a_word_confirms() -> None:
    one = heard_reply()
    assert kinds(one.on(Onset(0), 12.0)) == [Begin, Pause]
    assert one.state == "paused"
    assert one.on(Words("item_1", "", final=False), 12.3) == []
    assert one.on(Words("item_1", "wait", final=False), 12.4) == [Interrupt(12.0)]
    assert one.state == "speaking"
    assert kinds(one.on(SPEECH, 13.0)) == [Commit]
    assert one.on(Words("item_1", "wait", final=True), 13.1) == [Answer()]


def test_a_hint_is_silence_at_once_and_an_onset_makes_a_turn_of_it() -> None:
    one = heard_reply()
    assert one.on(Hint(0, 200), 12.0) == [Pause()]
    assert one.state == "paused"
    assert kinds(one.on(Onset(0), 12.1)) == [Begin]
    assert one.on(Words("item_1", "wait", final=False), 12.6) == [Interrupt(12.0)]  # the caller began with the hint


def test_a_hint_that_comes_to_nothing_costs_a_moment_and_the_next_ones_are_not_believed() -> None:
    one = heard_reply()
    one.on(Hint(0, 200), 12.0)
    assert one.due == pytest.approx(12.2)
    assert one.on(Tick(), 12.2) == [Resume()]
    assert one.on(Hint(5000, 200), 17.0) == []
    assert kinds(one.on(Onset(6000), 18.0)) == [Begin, Pause]  # what is certain is still believed
    one.on(COUGH, 18.5)
    assert one.on(Hint(40000, 200), 12.2 + HINT_REST_S) == [Pause()]


def test_a_hint_is_nothing_where_nobody_can_interrupt() -> None:
    for one in (turn(), heard_reply(None), heard_reply(replace(SERVER, interrupt_response=False))):
        assert one.on(Hint(0, 200), 12.0) == []
    unheard = turn()
    unheard.on(ReplyMade(), 9.0)
    assert unheard.on(Hint(0, 200), 12.0) == []


def test_a_reply_that_ends_under_a_hint_leaves_nothing_held() -> None:
    one = heard_reply()
    one.on(Hint(0, 200), 12.0)
    assert one.on(ReplyOver(), 12.1) == [Resume()]
    assert (one.state, one.due) == ("idle", None)


def test_listening_noises_do_not_interrupt() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.on(Words("item_1", "mm-hmm", final=False), 12.4) == []
    one.on(SPEECH, 12.6)
    assert one.on(Words("item_1", "Mm-hmm.", final=True), 12.8) == [Resume()]
    assert one.state == "replying"


@pytest.mark.parametrize("text", ["yes", "right", "okay", "I see"])
def test_a_backchannel_does_not_interrupt_a_statement_but_answers_a_question(text: str) -> None:
    for asked in (False, True):
        one = heard_reply()
        one.on(Onset(0), 12.0)
        said = one.on(Words("item_1", text, final=False, asked=asked), 12.4)
        one.on(SPEECH, 12.6)
        told = said + one.on(Words("item_1", text, final=True, asked=asked), 12.8)
        assert told == ([Interrupt(12.0), Answer()] if asked else [Resume()])


def test_a_backchannel_with_more_behind_it_interrupts_when_the_rest_comes() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.on(Words("item_1", "okay", final=False), 12.3) == []
    assert one.on(Words("item_1", "okay but", final=False), 12.6) == [Interrupt(12.0)]


def test_after_a_backchannel_the_reply_goes_on_without_the_wait_for_a_sentence() -> None:
    one = heard_reply(SEMANTIC)
    one.on(Onset(0), 12.0)
    one.on(Words("item_1", "mm", final=False), 12.3)
    one.on(SPEECH, 12.6)
    assert one.due == pytest.approx(12.6 + 0.15)
    assert one.on(Tick(), 12.76) == [Commit("item_1", 1000)]
    assert one.on(Words("item_1", "mm", final=True), 12.8) == [Resume()]


def test_a_click_resumes_at_once() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.on(COUGH, 12.5) == [Drop("item_1", 1000), Resume()]


def test_no_transcript_resumes_after_a_while_and_late_words_interrupt_all_the_same() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    one.on(SPEECH, 12.5)
    assert one.due == 12.5 + RESUME_AFTER_S
    assert one.on(Tick(), one.due) == [Resume()]
    assert one.on(Words("item_1", "stop it", final=True), 15.0) == [Interrupt(12.0), Answer()]


def test_long_speech_interrupts_without_partials() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.on(Tick(), 12.0 + LONG_SPEECH_S - 0.01) == []
    assert one.on(Tick(), 12.0 + LONG_SPEECH_S) == [Interrupt(12.0)]


def test_an_engine_that_shows_words_is_given_longer_to_show_them() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(Words("item_1", "hello", final=False), 1.3)
    one.on(SPEECH, 2.0)
    one.on(Words("item_1", "hello", final=True), 2.1)
    one.on(ReplyHeard(), 3.0)
    one.on(Onset(0), 12.0)
    assert one.on(Tick(), 12.0 + LONG_SPEECH_S) == []
    assert one.on(Tick(), 12.0 + LONG_NOISE_S) == [Interrupt(12.0)]


def test_a_second_sound_keeps_the_pause() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    one.on(SPEECH, 12.5)
    assert kinds(one.on(Onset(0), 13.0)) == [Begin]
    assert one.on(Words("item_1", "", final=True), 13.1) == []
    assert one.on(COUGH, 13.2) == [Drop("item_2", 1000), Resume()]


def test_interrupt_response_false_lets_the_reply_end_first() -> None:
    one = heard_reply(replace(SERVER, interrupt_response=False))
    assert kinds(one.on(Onset(0), 12.0)) == [Begin]
    one.on(SPEECH, 13.0)
    assert one.on(Words("item_1", "hello", final=True), 13.1) == []
    assert one.on(ReplyOver(), 15.0) == [Answer()]


def test_create_response_false_never_answers() -> None:
    one = heard_reply(replace(SERVER, create_response=False))
    one.on(Onset(0), 12.0)
    one.on(SPEECH, 13.0)
    assert kinds(one.on(Words("item_1", "hello", final=True), 13.1)) == [Interrupt]
    assert one.state == "idle"


# --- one turn in two pieces -------------------------------------------------------------------------------------------


def test_speech_goes_on_before_the_transcript_is_there() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    one.on(Onset(0), 2.1)
    assert one.on(Words("item_1", "i want", final=True), 2.2) == []
    one.on(SPEECH, 3.0)
    assert one.on(Words("item_2", "to go home", final=True), 3.1) == [Answer()]


def test_speech_goes_on_before_the_answer_is_heard() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    one.on(Words("item_1", "i want", final=True), 2.1)
    assert kinds(one.on(Onset(0), 2.2)) == [Begin, Pause]
    one.on(SPEECH, 2.8)
    assert one.on(Words("item_2", "to go home", final=True), 2.9) == [Interrupt(2.2), Answer()]


def test_an_unheard_answer_that_was_cancelled_by_mistake_is_made_again() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    one.on(Words("item_1", "what time is it", final=True), 2.1)
    one.on(Onset(0), 2.2)
    assert one.on(Tick(), 2.2 + LONG_SPEECH_S) == [Interrupt(2.2)]
    one.on(SPEECH, 3.5)
    assert one.on(Words("item_2", "", final=True), 3.6) == [Answer()]


def test_a_cough_before_the_answer_only_holds_it_back() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    one.on(Words("item_1", "what time is it", final=True), 2.1)
    one.on(Onset(0), 2.2)
    assert one.on(COUGH, 2.8) == [Drop("item_2", 1000), Resume()]
    assert one.state == "replying"


# --- semantic_vad -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eagerness", "text", "wait_s"),
    [
        ("high", "what time is it", 0.07),
        ("auto", "what time is it", 0.25),
        ("low", "what time is it", 0.7),
        ("high", "i would like to", 1.8),
        ("auto", "i would like to", 3.8),
        ("low", "i would like to", 7.8),
        ("auto", "", 0.7),
    ],
)
def test_the_wait_depends_on_eagerness_and_on_the_words(eagerness: str, text: str, wait_s: float) -> None:
    one = turn(TurnDetection("semantic_vad", eagerness=eagerness))  # type: ignore[arg-type]
    one.on(Onset(0), 1.0)
    one.on(Words("item_1", text, final=False), 1.5)
    assert one.on(SPEECH, 2.0) == []
    assert one.due == pytest.approx(2.0 + wait_s)
    assert one.on(Tick(), 2.0 + wait_s + 0.001) == [Commit("item_1", 1000)]


def test_going_on_within_the_wait_is_the_same_turn() -> None:
    one = turn(SEMANTIC)
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    assert one.on(Onset(1500), 2.3) == []
    assert one.due is None
    one.on(Offset(3000, 700), 3.5)
    assert one.on(Tick(), 5.0) == [Commit("item_1", 3000)]


def test_a_later_partial_changes_the_wait() -> None:
    one = turn(SEMANTIC)
    one.on(Onset(0), 1.0)
    one.on(SPEECH, 2.0)
    one.on(Words("item_1", "i would like to", final=False), 2.2)
    assert one.due == pytest.approx(5.8)
    one.on(Words("item_1", "i would like to go", final=False), 2.4)
    assert one.due == pytest.approx(2.25)
    assert one.on(Tick(), 2.4) == [Commit("item_1", 1000)]


def test_a_held_pitch_is_waited_for_longer() -> None:
    one = turn(SEMANTIC)
    one.on(Onset(0), 1.0)
    one.on(Words("item_1", "i spoke with your colleague", final=False), 1.5)
    one.on(Offset(1000, 800, Prosody(0.1, 0.5)), 2.0)
    assert one.due == pytest.approx(2.9)


def waiting(text: str = "what time is it") -> Turn:
    """A turn whose caller fell silent at 1.8 s, on the clock of its sound at 1000 ms."""
    one = turn(SEMANTIC)
    one.on(Onset(0), 1.0)
    one.on(Words("item_1", text, final=False), 1.5)
    one.on(SPEECH, 2.0)
    return one


def test_the_word_of_a_model_changes_the_wait() -> None:
    one = waiting()
    assert one.due == pytest.approx(2.25)
    assert one.on(Judged(1000, 0.95), 2.1) == []
    assert one.due == pytest.approx(2.15)
    one.on(Judged(1000, 0.05), 2.1)
    assert one.due == pytest.approx(3.038)
    one.on(Words("item_1", "what time is it now", final=False), 2.3)
    assert one.due == pytest.approx(3.038)  # later words do not make it forgotten


def test_the_word_of_a_model_is_for_one_pause() -> None:
    one = waiting()
    one.on(Judged(1000, 0.05), 2.1)
    one.on(Onset(1350), 2.25)
    one.on(Offset(2500, 800), 3.5)
    assert one.due == pytest.approx(3.3 + 0.45)
    one.on(Judged(1000, 0.05), 3.6)  # that of the pause before
    assert one.due == pytest.approx(3.3 + 0.45)


def test_the_word_of_a_model_comes_too_late_while_somebody_speaks_and_when_the_turn_is_over() -> None:
    one = waiting()
    one.on(Onset(1300), 2.15)
    assert one.on(Judged(1000, 0.95), 2.2) == [] and not one.waiting
    one = waiting()
    assert kinds(one.on(Tick(), 2.25)) == [Commit]
    assert one.on(Judged(1000, 0.05), 2.3) == [] and not one.waiting


def test_who_pauses_long_within_a_turn_is_waited_for_longer_the_next_time() -> None:
    one, now = turn(SEMANTIC), 1.0
    for pause in range(4):
        one.on(Onset(pause * 1800), now)
        one.on(Words("item_1", "and", final=False), now + 0.5)
        one.on(Offset(pause * 1800 + 1000, 800), now + 1.2)
        now += 1.8  # 800 ms after the last voice, four times
    one.on(Onset(7200), now)
    one.on(Words("item_1", "and that is it", final=False), now + 0.5)
    one.on(Offset(8200, 800), now + 1.2)
    assert one.due is not None
    assert now + 1.2 + 0.35 < one.due < now + 1.2 + 0.53


def test_a_turn_that_was_cut_short_teaches_patience() -> None:
    one = turn(SEMANTIC)
    one.on(Onset(0), 1.0)
    one.on(Words("item_1", "i think it was", final=False), 1.5)
    one.on(Words("item_1", "i think it was blue", final=False), 1.6)
    one.on(SPEECH, 2.0)
    one.on(Tick(), 2.3)
    one.on(Onset(1900), 2.8)  # nothing of the answer was heard yet
    one.on(Words("item_2", "on the back", final=False), 3.0)
    one.on(Offset(2900, 800), 3.9)
    one.on(Tick(), 4.3)
    one.on(Words("item_1", "i think it was blue", final=True), 4.4)
    one.on(Words("item_2", "on the back", final=True), 4.4)
    one.on(ReplyOver(), 5.0)
    one.on(Onset(5000), 6.0)
    one.on(Words("item_3", "yes", final=False), 6.3)
    one.on(Offset(5500, 400), 6.7)
    assert one.due is not None
    assert one.due > 6.7 + 0.3


# --- the client's part ------------------------------------------------------------------------------------------------


def test_without_detection_sound_moves_nothing() -> None:
    one = turn(None)
    assert one.on(Onset(0), 1.0) == []
    assert one.on(SPEECH, 2.0) == []
    one.on(Committed("item_9"), 2.0)
    assert one.pending
    assert one.on(Words("item_9", "hello", final=True), 2.5) == []
    assert (one.pending, one.state) == (False, "idle")


def test_turning_detection_off_drops_the_open_turn_and_lets_the_reply_go_on() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.configure(None) == [Drop("item_1", 0), Resume()]
    assert one.on(Tick(), 99.0) == []


def test_the_client_commits_before_the_silence() -> None:
    one = turn()
    one.on(Onset(0), 1.0)
    assert one.on(Committed("item_1"), 1.5) == []
    assert one.on(Words("item_1", "hello", final=True), 1.6) == [Answer()]


def test_the_client_forgets_what_is_being_said() -> None:
    one = heard_reply()
    one.on(Onset(0), 12.0)
    assert one.forget() == [Drop("item_1", 0), Resume()]


def test_nobody_speaks_after_a_reply() -> None:
    one = heard_reply(replace(SERVER, idle_timeout_ms=5000))
    one.on(ReplyOver(), 20.0)
    assert one.due == 25.0
    assert one.on(Tick(), 24.9) == []
    assert one.on(Tick(), 25.0) == [GiveUpWaiting()]
    assert one.state == "replying"


def test_semantic_vad_has_no_idle_timeout() -> None:
    one = heard_reply(replace(SEMANTIC, idle_timeout_ms=5000))
    one.on(ReplyOver(), 20.0)
    assert (one.due, one.state) == (None, "idle")


def test_speaking_stops_the_idle_wait() -> None:
    one = heard_reply(replace(SERVER, idle_timeout_ms=5000))
    one.on(ReplyOver(), 20.0)
    one.on(Onset(0), 21.0)
    assert one.on(Tick(), 25.0) == []


# --- whatever happens -------------------------------------------------------------------------------------------------

_HAPPENINGS = st.sampled_from(
    [Onset(0), SPEECH, COUGH, ReplyMade(), ReplyHeard(), ReplyOver(), Tick(), "partial", "words", "none", "click"]
)


def _of(one: Turn, what: object, items: list[str]) -> Happening:
    newest = items[-1] if items else "item_0"
    texts = {"partial": ("and", False), "words": ("stop", True), "none": ("", True), "click": ("uh", True)}
    return Words(newest, *texts[what]) if isinstance(what, str) else what  # type: ignore[return-value]


@given(
    st.sampled_from([SERVER, SEMANTIC, replace(SERVER, interrupt_response=False)]),
    st.lists(st.tuples(_HAPPENINGS, st.floats(0, 3)), max_size=60),
)
def test_every_pause_ends_and_every_item_is_closed_once(
    detection: TurnDetection, story: list[tuple[object, float]]
) -> None:
    one, now, items, paused, closed = turn(detection), 0.0, list[str](), False, set[str]()
    for what, wait in [*story, (SPEECH, 0.1), (Tick(), 30.0), (Tick(), 30.0), (Tick(), 30.0)]:
        now += wait
        for action in one.on(_of(one, what, items), now):
            if isinstance(action, Begin):
                items.append(action.item_id)
            if isinstance(action, Commit | Drop):
                assert action.item_id in items
                assert action.item_id not in closed
                closed.add(action.item_id)
            if isinstance(action, Pause):
                assert not paused
                paused = True
            if isinstance(action, Resume | Interrupt):
                paused = False
    assert closed == set(items)
    assert not paused
    assert one.state in ("idle", "replying")
