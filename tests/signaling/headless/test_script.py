from signaling.headless.script import HangUp, Say, Script, Turn

HELLO, STOP = Turn("wav", "hello.wav"), Turn("wav", "stop.wav", barge_in=1.0)
CREATED = {"type": "response.created", "response": {"id": "r1"}}
DONE = {"type": "response.done", "response": {"id": "r1", "status": "completed", "output": [{"type": "message"}]}}
ONLY_A_TOOL = {
    "type": "response.done",
    "response": {"id": "r1", "status": "completed", "output": [{"type": "function_call"}]},
}
STARTED, STOPPED = {"type": "output_audio_buffer.started"}, {"type": "output_audio_buffer.stopped"}


def two_turns(*turns, **options):
    script = Script(list(turns), answer_timeout_s=20, settle_s=0.8, **options)
    assert script.start(0.0) == [Say(0)]
    assert script.deadline is None, "nothing is due while we speak"
    assert script.said(2.0) == []
    return script


def test_the_next_turn_waits_until_the_answer_has_been_played_and_has_settled():
    script = two_turns(HELLO, HELLO)
    for at, event in ((2.6, CREATED), (2.7, STARTED), (3.0, DONE)):
        assert script.event(event, at) == []
    assert script.tick(10.0) == [], "still playing"
    assert script.event(STOPPED, 10.5) == []
    assert script.deadline == 10.5 + 0.8
    assert script.tick(11.2) == []
    assert script.tick(11.3) == [Say(1)]


def test_after_the_last_turn_it_hangs_up_once():
    script = two_turns(HELLO)
    script.event(CREATED, 2.5)
    script.event(DONE, 3.0)
    assert script.tick(3.9) == [HangUp()]
    assert script.tick(30.0) == []


def test_without_an_answer_it_goes_on_after_the_timeout():
    script = two_turns(HELLO, HELLO)
    assert script.tick(21.9) == []
    assert script.tick(22.0) == [Say(1)]


def test_a_response_that_only_calls_a_function_is_no_answer():
    script = two_turns(HELLO, HELLO)
    script.event(CREATED, 2.5)
    script.event(ONLY_A_TOOL, 3.0)
    assert script.tick(10.0) == []


def test_barge_in_counts_from_the_start_of_the_answer():
    script = two_turns(HELLO, STOP)
    script.event(CREATED, 2.5)
    script.event(STARTED, 3.0)
    assert script.tick(3.9) == []
    assert script.tick(4.0) == [Say(1)]


def test_what_still_sounds_from_the_turn_before_is_no_answer_to_a_barge_in():
    script = two_turns(HELLO, STOP)
    script.sound(True, 3.0)
    assert script.tick(4.0) == [Say(1)]
    script.said(5.0)
    assert not script.answered
    script.sound(False, 5.1)
    script.sound(True, 6.0)
    assert script.answered


def test_sound_alone_is_an_answer_where_there_are_no_events():
    script = two_turns(HELLO)
    script.sound(True, 2.1)
    assert script.tick(4.0) == []
    script.sound(False, 4.5)
    assert script.tick(5.3) == [HangUp()]


def test_an_echo_that_began_while_we_spoke_is_an_answer():
    script = Script([HELLO], settle_s=0.8)
    script.start(0.0)
    script.sound(True, 0.2)
    script.said(2.0)
    assert script.answered


def test_it_does_not_go_on_while_the_server_hears_speech():
    script = two_turns(HELLO, HELLO)
    script.event(CREATED, 2.5)
    script.event(DONE, 3.0)
    script.event({"type": "input_audio_buffer.speech_started", "item_id": "i"}, 3.1)
    assert script.tick(10.0) == []


def test_a_response_that_stays_open_is_waited_for_a_little_longer():
    script = two_turns(HELLO, HELLO)
    script.event(CREATED, 2.5)
    script.sound(True, 3.0)
    script.sound(False, 4.0)
    assert script.tick(4.0 + 2.9) == []
    assert script.tick(4.0 + 3.0) == [Say(1)]
