from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mediaserver.bridge import Capabilities
from mediaserver.commands import (
    BeginSpeech,
    ClearInput,
    ClearOutput,
    Command,
    CommitInput,
    CreateItem,
    CreateResponse,
    DropPrepared,
    DropSpeech,
    EndSpeech,
    PauseSpeech,
    Prepare,
    Respond,
    ResumeSpeech,
    UpdateSession,
)
from mediaserver.conversation.session import Session
from mediaserver.events import (
    Heard,
    InputCleared,
    InputCommitted,
    InputTimedOut,
    Interrupted,
    ItemDone,
    OutputCleared,
    OutputStopped,
    Problem,
    ReplyPaused,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    TranscriptFailed,
    TranscriptFinal,
    TurnMeasured,
)
from mediaserver.items import Item, Part
from mediaserver.settings import TurnDetection
from tests.conversation.test_session import COUNTING, SETTINGS, play
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply, ScriptedBridge
from tests.fakes.caller import FakeCaller, tone
from tests.fakes.judge import ScriptedJudge

BY_HAND = replace(SETTINGS, turn_detection=None)


def typed(text: str, item_id: str = "item_typed") -> CreateItem:
    return CreateItem(item=Item(item_id, role="user", parts=(Part("input_text", text),)))


def asked(bridge: ScriptedBridge) -> list[list[str]]:
    return [
        [item.text or item.output for item in one.items] for one in bridge.asked(Respond) if isinstance(one, Respond)
    ]


def test_push_to_talk_is_committed_by_the_client_and_answered_when_it_asks() -> None:
    bridge = ScriptedBridge(hears=["hello"], delays=Delays(transcript=400))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(ClearInput())
        await caller.say(600)
        caller.ask(CommitInput())
        caller.ask(CreateResponse())
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge, BY_HAND)
    assert caller.told(InputCleared)
    assert caller.told(InputCommitted)
    assert not caller.told(SpeechStarted)
    assert asked(bridge) == [["hello"]]
    (measured,) = caller.told(TurnMeasured)
    assert [stage.name for stage in measured.stages][:2] == ["end_of_turn", "transcript"]


def test_nothing_said_is_nothing_to_commit() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(ClearInput())
        caller.ask(CommitInput(event_id="event_1"))

    for settings in (BY_HAND, SETTINGS):
        caller, _ = play(talk, ScriptedBridge(), settings, mic=settings is BY_HAND)
        (problem,) = caller.told(Problem)
        assert (problem.code, problem.client_event_id) == ("input_audio_buffer_commit_empty", "event_1")


def test_a_commit_by_hand_ends_a_turn_that_was_found_by_itself() -> None:
    bridge = ScriptedBridge()

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        caller.ask(CommitInput())
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert len(caller.told(SpeechStopped)) == len(bridge.asked(EndSpeech)) == 1
    assert asked(bridge) == [["hello"]]


def test_clearing_the_input_forgets_the_turn() -> None:
    bridge = ScriptedBridge()

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        caller.ask(ClearInput())
        await asyncio.sleep(2)

    caller, _ = play(talk, bridge)
    assert bridge.asked(DropSpeech)
    assert not caller.told(InputCommitted)


def test_a_mode_changed_in_the_middle_of_a_call() -> None:
    bridge = ScriptedBridge(hears=["one", "two"])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(400)
        await caller.until(OutputStopped)
        caller.ask(UpdateSession(settings=replace(BY_HAND, model="another")))
        await caller.say(400)
        await asyncio.sleep(2)
        assert len(caller.told(SpeechStarted)) == 1
        assert session.settings.model == "local"
        caller.ask(CommitInput())
        await caller.until(TranscriptFinal, 2)

    caller, _ = play(talk, bridge)
    assert caller.told(SessionUpdated)[0].settings.turn_detection is None
    assert len(bridge.asked(UpdateSession)) == 1


def test_a_typed_turn_and_its_stages() -> None:
    bridge = ScriptedBridge()

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(typed("good morning"))
        caller.ask(CreateResponse(metadata=(("a", "b"),), instructions="Be brief."))
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert asked(bridge) == [["good morning"]]
    (measured,) = caller.told(TurnMeasured)
    assert [stage.name for stage in measured.stages] == ["model", "speech", "deliver"]
    assert measured.item_id == "item_typed"
    assert caller.told(ResponseCreated)[0].metadata == (("a", "b"),)
    respond = bridge.asked(Respond)[0]
    assert isinstance(respond, Respond)
    assert respond.settings.instructions == "Be brief."


def test_a_function_is_called_by_the_client() -> None:
    bridge = ScriptedBridge(hears=["what time is it"], says=[Reply(tool=("clock", "{}")), Reply("It is noon.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        called = await caller.until(ToolCalled)
        output = Item("item_output", "function_call_output", call_id=called.call_id, output="12:00")
        caller.ask(CreateItem(item=output))
        caller.ask(CreateResponse())
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert not caller.told(Problem)
    first, second = [one for one in bridge.asked(Respond) if isinstance(one, Respond)]
    assert [item.kind for item in second.items] == ["message", "function_call", "function_call_output"]
    call = next(event.item for event in caller.told(ItemDone) if event.item.kind == "function_call")
    assert (call.name, call.arguments, call.status) == ("clock", "{}", "completed")
    (measured,) = caller.told(TurnMeasured)
    assert measured.response_id == second.response_id != first.response_id
    assert [stage.name for stage in measured.stages] == [
        "end_of_turn", "transcript", "model", "tool", "model", "speech", "deliver"
    ]  # fmt: skip


def test_one_response_at_a_time() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateResponse())
        caller.ask(CreateResponse(event_id="event_2"))
        await caller.until(OutputStopped)

    caller, _ = play(talk, ScriptedBridge())
    (problem,) = caller.told(Problem)
    assert (problem.code, problem.client_event_id) == ("conversation_already_has_active_response", "event_2")
    assert len(caller.told(ResponseDone)) == 1


def test_out_of_band_is_text_beside_the_conversation() -> None:
    bridge = ScriptedBridge(says=[Reply("A summary."), Reply("Hello.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateResponse(out_of_band=True, input=(typed("sum up").item,), metadata=(("for", "me"),)))
        done = await caller.until(ResponseDone)
        assert done.status == "completed"
        await caller.say(400)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert asked(bridge) == [["sum up"], ["hello"]]
    assert [event.item.role for event in caller.told(ItemDone)] == ["user", "assistant"]
    assert caller.told(ResponseCreated)[0].modalities == ("text",)


def test_clearing_the_output_stops_playing_and_making() -> None:
    bridge = ScriptedBridge(hears=["count", "go on"], says=[Reply(COUNTING, clause_ms=3000), Reply("Fine.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard, 4)
        caller.ask(ClearOutput())
        await caller.until(OutputCleared)
        played = len(caller.played_out)
        await asyncio.sleep(1)
        assert len(caller.played_out) == played
        await caller.say(400)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert caller.told(ResponseDone)[0].reason == "client_cancelled"
    assert asked(bridge)[-1] == ["count", caller.told(Interrupted)[0].text, "go on"]


def test_nobody_speaks() -> None:
    settings = replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=300, idle_timeout_ms=4000))
    bridge = ScriptedBridge(says=[Reply("Hello."), Reply("Are you there?")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(OutputStopped, 2)

    caller, _ = play(talk, bridge, settings)
    stopped = next(at for at, event in caller.log if isinstance(event, OutputStopped))
    timed_out = next(at for at, event in caller.log if isinstance(event, InputTimedOut))
    assert timed_out - stopped == pytest.approx(4, abs=0.05)
    assert asked(bridge) == [["hello"], ["hello", "Hello."]]


def test_interrupt_response_false_neither_pauses_nor_cuts() -> None:
    settings = replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=300, interrupt_response=False))
    bridge = ScriptedBridge(hears=["count", "and then"], says=[Reply(COUNTING), Reply("Then thirteen.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(0.8)
        await caller.say(800)
        await caller.until(OutputStopped, 2)

    caller, _ = play(talk, bridge, settings)
    assert not caller.told(ReplyPaused)
    assert not caller.told(Interrupted)
    assert asked(bridge)[-1] == ["count", COUNTING, "and then"]


def test_semantic_vad_waits_for_the_end_of_the_sentence() -> None:
    settings = replace(SETTINGS, turn_detection=TurnDetection("semantic_vad", eagerness="high"))
    bridge = ScriptedBridge(hears=["and"], partials=True)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await asyncio.sleep(1.5)
        assert not caller.told(SpeechStopped)
        await caller.say(400)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge, settings)
    assert len(caller.told(InputCommitted)) == len(bridge.asked(BeginSpeech)) == 1
    stopped = next(at for at, event in caller.log if isinstance(event, SpeechStopped))
    assert stopped - caller.log[0][0] == pytest.approx(0.1 + 0.4 + 1.5 + 0.4 + 2.0, abs=0.1)


def spoken_twice(judge: ScriptedJudge, detection: TurnDetection) -> int:
    """Say one half, be silent for 800 ms, say the other, and return how many turns that was."""
    bridge = ScriptedBridge(hears=["what time is it"] * 2, partials=True)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await asyncio.sleep(0.8)
        await caller.say(600)
        await caller.until(OutputStopped)

    caller, ended = play(talk, bridge, replace(SETTINGS, turn_detection=detection), judge=judge)
    assert ended.reason == "client_closed"
    return len(caller.told(InputCommitted))


def test_a_model_that_hears_more_coming_keeps_the_turn_open() -> None:
    judge = ScriptedJudge([0.05, 0.95])
    assert spoken_twice(judge, TurnDetection("semantic_vad")) == 1
    assert judge.shown == [900, 2300]  # all of it so far, with the 200 ms of each pause


@pytest.mark.parametrize("judge", [ScriptedJudge([0.5, 0.5]), ScriptedJudge([0.05, 0.05], after_s=0.4)])
def test_a_model_that_is_unsure_or_late_changes_nothing(judge: ScriptedJudge) -> None:
    assert spoken_twice(judge, TurnDetection("semantic_vad")) == 2
    assert len(judge.shown) == 2  # one question for each pause


def test_a_fixed_silence_asks_nobody() -> None:
    judge = ScriptedJudge([])
    assert spoken_twice(judge, TurnDetection()) == 2
    assert judge.shown == []


@pytest.mark.parametrize(
    ("says", "after_words", "answered"), [(COUNTING, 4.5, False), ("Is that right? " + COUNTING, 3.5, True)]
)
def test_yes_lets_a_statement_go_on_and_answers_a_question(says: str, after_words: float, answered: bool) -> None:
    bridge = ScriptedBridge(hears=["count", "yes"], says=[Reply(says), Reply("Good.")], partials=True)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(after_words * MS_PER_WORD / 1000)
        await caller.say(400)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert caller.told(ReplyPaused)
    assert bool(caller.told(Interrupted)) is answered
    assert len(bridge.asked(Respond)) == 1 + answered


def test_a_transcript_that_fails_is_no_words() -> None:
    class Deaf(ScriptedBridge):
        async def _write_down(self, item: str) -> None:
            self.emit(TranscriptFailed(item, "engine", "broken"))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(400)
        await caller.until(TranscriptFailed)
        await asyncio.sleep(1)
        assert session.state == "idle"

    caller, _ = play(talk, Deaf())
    assert not caller.told(ResponseCreated)


def test_a_model_that_does_not_write_says_so() -> None:
    bridge = ScriptedBridge(capabilities=Capabilities(input_rate=16000, output_rate=16000, text_output=False))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.ask(CreateResponse(output_modalities=("text",), event_id="event_1"))

    caller, _ = play(talk, bridge)
    assert caller.told(Problem)[0].code == "unsupported_by_provider"


@pytest.mark.parametrize("create_response", [True, False])
def test_a_client_that_asks_at_the_commit_gets_the_answer_that_it_asked_for(create_response: bool) -> None:
    bridge = ScriptedBridge(hears=["what time is it"], delays=Delays(transcript=300))
    settings = replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=300, create_response=create_response))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await caller.until(InputCommitted)
        caller.ask(CreateResponse(metadata=(("topic", "time"),)))
        await caller.until(OutputStopped)
        await asyncio.sleep(2)

    caller, _ = play(talk, bridge, settings)
    assert asked(bridge) == [["what time is it"]]
    assert [one.metadata for one in caller.told(ResponseCreated)] == [(("topic", "time"),)]


def test_words_cut_what_is_heard_and_leave_the_answer_that_was_asked_for() -> None:
    bridge = ScriptedBridge(hears=["count", "stop please"], says=[Reply(COUNTING), Reply("Stopped.")])
    settings = replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=200, create_response=False))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(InputCommitted)
        caller.ask(CreateResponse())
        await caller.until(Heard)
        await asyncio.sleep(0.5)
        await caller.say(300)
        await caller.until(InputCommitted, 2)
        caller.ask(CreateResponse())
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge, settings)
    (cut,) = caller.told(Interrupted)
    assert asked(bridge)[1:] == [["count", cut.text, "stop please"]]


def test_an_answer_that_was_asked_for_and_talked_over_is_done_all_the_same() -> None:
    bridge = ScriptedBridge(hears=["count", "no wait"], delays=Delays(transcript=2000))

    async def talk(caller: FakeCaller, bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(InputCommitted)
        caller.ask(CreateResponse())
        await caller.say(900)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert [one.status for one in caller.told(ResponseDone)] == ["cancelled", "completed"]
    assert caller.told(ResponseDone)[0].reason == "turn_detected"
    assert asked(bridge) == [["count", "no wait"]]


def test_who_speaks_between_two_replies_speaks_into_the_second() -> None:
    says = [Reply("One two three."), Reply(COUNTING), Reply("Stopped.")]
    bridge = ScriptedBridge(hears=["count", "stop please"], says=says, delays=Delays(model=1500))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        caller.ask(typed("and now?"))
        caller.ask(CreateResponse())
        await caller.until(OutputStopped)
        assert session.state == "replying"
        await caller.say(900)
        await caller.until(OutputStopped, 2)

    caller, _ = play(talk, bridge)
    assert len(caller.told(ReplyPaused)) == 1
    assert asked(bridge)[-1] == ["count", "One two three.", "and now?", "stop please"]


def test_an_interruption_leaves_what_is_made_out_of_band_alone() -> None:
    says = [Reply(COUNTING), Reply("Aside."), Reply("Stopped.")]
    bridge = ScriptedBridge(hears=["count", "stop please"], says=says, delays=Delays(model=1500))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        caller.ask(CreateResponse(out_of_band=True))
        await caller.say(900)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert caller.told(Interrupted)
    assert [one.status for one in caller.told(ResponseDone)] == ["completed"] * 3


def test_an_answer_waits_behind_what_is_asked_for_out_of_band() -> None:
    bridge = ScriptedBridge(hears=["hello"], says=[Reply("Aside."), Reply("Hello.")], delays=Delays(transcript=300))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(400)
        await caller.until(InputCommitted)
        caller.ask(CreateResponse(out_of_band=True))
        await caller.until(OutputStopped)
        assert session.state == "idle"

    caller, _ = play(talk, bridge)
    assert [one.out_of_band for one in caller.told(ResponseCreated)] == [True, False]


def test_what_is_owed_is_answered_when_the_client_clears_what_is_being_said() -> None:
    bridge = ScriptedBridge(hears=["hello", "and"], delays=Delays(transcript=600))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(InputCommitted)
        caller.say_soon(tone(1000, caller.hear_rate))
        await caller.until(TranscriptFinal)
        caller.stop_saying()
        caller.ask(ClearInput())
        await caller.until(OutputStopped)

    play(talk, bridge)
    assert asked(bridge) == [["hello"]]


# --- answers begun on a guess -----------------------------------------------------------------------------------------

PREPARES = Capabilities(input_rate=16000, output_rate=16000, prepares=True)


def test_an_answer_is_prepared_before_the_turn_is_over_and_asked_for_with_the_same_words() -> None:
    bridge = ScriptedBridge(hears=["tomorrow"], partials=True, capabilities=PREPARES)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await caller.until(OutputStopped)

    play(talk, bridge)
    [prepared], [asked_for] = bridge.asked(Prepare), bridge.asked(Respond)
    assert isinstance(prepared, Prepare) and isinstance(asked_for, Respond)
    assert [item.text for item in prepared.items] == [item.text for item in asked_for.items] == ["tomorrow"]
    assert prepared.settings == asked_for.settings
    kinds = [type(one) for one in bridge.sent]
    order = [kinds.index(kind) for kind in (PauseSpeech, Prepare, EndSpeech, Respond)]
    assert order == sorted(order)


@pytest.mark.parametrize("late_s", [0.0, 0.005, 0.019])
def test_a_pause_is_as_long_as_its_sound_whenever_the_last_of_the_voice_came(late_s: float) -> None:
    heard: list[int] = []

    class Noting(ScriptedBridge):
        def send(self, command: Command) -> None:
            super().send(command)
            if isinstance(command, PauseSpeech):
                heard.append(self.heard[command.item_id])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        listener = caller.listener
        assert listener is not None
        hear = listener.hear
        monkey.setattr(listener, "hear", lambda pcm, at: hear(pcm, at + late_s * any(pcm)))
        await caller.say(600)
        await caller.until(OutputStopped)

    with pytest.MonkeyPatch.context() as monkey:
        play(talk, Noting(hears=["tomorrow"], partials=True, capabilities=PREPARES))
    assert heard == [(100 + 600 + 200) // 20]  # the call began 100 ms before the voice


def test_a_caller_who_goes_on_takes_the_guess_back() -> None:
    bridge = ScriptedBridge(hears=["tomorrow"], partials=True, capabilities=PREPARES)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await asyncio.sleep(0.35)
        await caller.say(600)
        await caller.until(OutputStopped)

    play(talk, bridge, replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=500)))
    kinds = [type(one) for one in bridge.sent if not isinstance(one, BeginSpeech | EndSpeech)]
    assert kinds[:7] == [PauseSpeech, Prepare, ResumeSpeech, DropPrepared, PauseSpeech, Prepare, Respond]


def test_nothing_is_prepared_where_nobody_answers_by_itself() -> None:
    bridge = ScriptedBridge(partials=True, capabilities=PREPARES)
    settings = replace(SETTINGS, turn_detection=TurnDetection(create_response=False))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await caller.until(TranscriptFinal)

    play(talk, bridge, settings)
    assert not bridge.asked(Prepare)
