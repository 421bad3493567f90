from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bridges.echo import EchoBridge
from mediaserver.bridge import Capabilities, SoundCodec
from mediaserver.commands import BeginSpeech, CreateResponse, EndSpeech, Interrupt, Respond
from mediaserver.conversation.limits import Limits
from mediaserver.conversation.quieting import Quiet
from mediaserver.conversation.session import Session
from mediaserver.conversation.support import Support
from mediaserver.errors import BridgeError, Hangup
from mediaserver.events import (
    AudioDelta,
    DigitPressed,
    Event,
    Heard,
    Interrupted,
    ItemDone,
    ItemTruncated,
    OutputCleared,
    OutputStarted,
    OutputStopped,
    PlayoutFinished,
    PlayoutStarted,
    Problem,
    ReplyPaused,
    ReplyResumed,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionEnded,
    SpeechStarted,
    TranscriptFinal,
    TranscriptPartial,
    TurnMeasured,
)
from mediaserver.settings import Settings, TurnDetection
from tests.conversation.test_audience import Opus
from tests.fakes import virtual_time
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply, ScriptedBridge
from tests.fakes.caller import FakeCaller, LoudIsVoice, tone
from tests.fakes.judge import ScriptedJudge

SETTINGS = Settings("local", turn_detection=TurnDetection(silence_duration_ms=300))
PAUSES = (ReplyPaused, ReplyResumed)
COUNTING = "One two three four five six, seven eight nine ten eleven twelve."
Scenario = Callable[[FakeCaller, ScriptedBridge, Session], Awaitable[None]]


def play(
    scenario: Scenario,
    bridge: ScriptedBridge | EchoBridge,
    settings: Settings = SETTINGS,
    limits: Limits | None = None,
    *,
    mic: bool = True,
    judge: ScriptedJudge | None = None,
) -> tuple[FakeCaller, SessionEnded]:
    """Run a session in virtual time beside a scenario; the caller hangs up after it unless the session ended before."""

    async def both() -> tuple[FakeCaller, SessionEnded]:
        caller = FakeCaller(virtual_time.now, mic=mic)
        session = Session(
            "sess_1", caller, bridge, settings, limits, virtual_time.now, make_voice=LoudIsVoice, judge=judge
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(session.run())
            await asyncio.sleep(0.1)
            await scenario(caller, bridge, session)  # type: ignore[arg-type]
            if caller.hangup is not None and not caller.hangup.done() and not running.done():
                caller.hang_up()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left
        assert not caller.running
        return caller, running.result()

    return virtual_time.run(both())


def test_two_turns_in_the_order_of_the_contract() -> None:
    bridge = ScriptedBridge(
        hears=["what time is it", "thank you"], says=[Reply("It is noon."), Reply("You are welcome.")]
    )

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(600)
        await caller.until(OutputStopped)
        assert session.state == "idle"
        await caller.say(500)
        await caller.until(OutputStopped, 2)

    caller, ended = play(talk, bridge)
    assert ended == SessionEnded("client_closed")
    turn = [
        "SpeechStarted", "SpeechStopped", "InputCommitted", "ItemAdded", "TranscriptFinal", "ItemDone",
        "ResponseCreated", "ItemAdded", "TextDelta", "TextDone", "AudioDone", "ItemDone", "ResponseDone",
        "OutputStopped",
    ]  # fmt: skip
    assert caller.names(Heard, OutputStarted, TurnMeasured) == ["SessionCreated", *turn, *turn, "SessionEnded"]
    first, second = bridge.asked(Respond)
    assert isinstance(first, Respond)
    assert isinstance(second, Respond)
    assert [item.text for item in first.items] == ["what time is it"]
    assert [item.text for item in second.items] == ["what time is it", "It is noon.", "thank you"]
    assert caller.told(Heard)[-1].text == "You are welcome."


def test_the_stages_of_a_turn_are_contiguous_and_true() -> None:
    bridge = ScriptedBridge(delays=Delays(transcript=60, model=120, speech=80))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    (measured,) = caller.told(TurnMeasured)
    stages = {stage.name: round((stage.end - stage.start) * 1000) for stage in measured.stages}
    assert list(stages) == ["end_of_turn", "transcript", "model", "speech", "deliver"]
    assert stages["end_of_turn"] == 300
    assert (stages["transcript"], stages["model"], stages["speech"]) == (60, 120, 80)
    assert 0 <= stages["deliver"] <= 20
    for one, two in zip(measured.stages, measured.stages[1:], strict=False):
        assert one.end == two.start


def test_barge_in_is_silent_at_once_and_cut_within_one_word() -> None:
    bridge = ScriptedBridge(hears=["count", "stop please"], says=[Reply(COUNTING), Reply("Stopped.")], partials=True)

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(4.5 * MS_PER_WORD / 1000)
        await caller.say(600)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    paused_at = next(at for at, event in caller.log if isinstance(event, ReplyPaused))
    (cut,) = caller.told(Interrupted)
    true_words = cut.played_ms / MS_PER_WORD
    assert abs(len(cut.text.split()) - true_words) <= 1
    assert f"{cut.text} {cut.unheard}" == COUNTING
    assert cut.silent_at == paused_at
    assert paused_at - cut.onset_at <= 0.001
    (truncated,) = caller.told(ItemTruncated)
    assert (truncated.item.text, truncated.item.status) == (cut.text, "incomplete")
    assert truncated.item.parts[0].full_text == COUNTING
    assert caller.told(ResponseDone)[0].status == "completed"  # it was made, only not heard to its end
    assert caller.told(OutputCleared)[0].response_id == cut.response_id
    last = bridge.asked(Respond)[-1]
    assert isinstance(last, Respond)
    assert [item.text for item in last.items] == ["count", cut.text, "stop please"]


def test_barge_in_while_the_reply_is_being_made_cancels_it() -> None:
    bridge = ScriptedBridge(hears=["count", "stop"], says=[Reply(COUNTING, clause_ms=3000), Reply("Stopped.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(0.5)
        await caller.say(900)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    (interrupt,) = bridge.asked(Interrupt)
    assert isinstance(interrupt, Interrupt)
    assert interrupt.reason == "turn_detected"
    assert interrupt.played_ms > 0
    done = caller.told(ResponseDone)[0]
    assert (done.status, done.reason, done.usage and done.usage.output_tokens) == ("cancelled", "turn_detected", 3)
    items = [event.item for event in caller.told(ItemDone) if event.item.role == "assistant"]
    assert items[0].status == "incomplete"


def test_a_false_interruption_resumes_exactly_where_it_stopped() -> None:
    async def quiet(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(OutputStopped)

    async def cough(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(0.7)
        await caller.say(200)
        await caller.until(ReplyResumed)
        await caller.until(OutputStopped)

    undisturbed, _ = play(quiet, ScriptedBridge(hears=["count"], says=[Reply(COUNTING)]))
    disturbed, _ = play(cough, ScriptedBridge(hears=["count", ""], says=[Reply(COUNTING)]))
    assert disturbed.played_out == undisturbed.played_out
    assert not disturbed.told(Interrupted)
    assert len(disturbed.told(ResponseCreated)) == 1
    assert disturbed.told(Heard)[-1].unheard == ""


def test_a_click_is_no_turn() -> None:
    bridge = ScriptedBridge(hears=["count", "never asked"], says=[Reply(COUNTING)])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(0.7)
        await caller.say(80)
        await caller.until(ReplyResumed)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert len(bridge.asked(EndSpeech)) == 1
    assert len(caller.told(TranscriptFinal)) == 1


def test_speech_that_goes_on_before_the_answer_is_heard_is_one_turn() -> None:
    bridge = ScriptedBridge(
        hears=["i would like to go", "to paris"],
        says=[Reply("Where?"), Reply("To Paris, fine.")],
        delays=Delays(model=500),
        partials=True,
    )

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        await caller.until(TranscriptFinal)
        await asyncio.sleep(0.1)
        await caller.say(500)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    asked = bridge.asked(Respond)
    assert [[item.text for item in one.items] for one in asked if isinstance(one, Respond)] == [
        ["i would like to go"],
        ["i would like to go", "to paris"],
    ]
    assert [done.status for done in caller.told(ResponseDone)] == ["cancelled", "completed"]
    assert caller.told(Heard)[-1].text == "To Paris, fine."
    assert len(caller.told(OutputStopped)) == 1


def test_a_cough_before_the_answer_costs_no_answer() -> None:
    bridge = ScriptedBridge(hears=["what time is it", ""], says=[Reply("It is noon.")], delays=Delays(model=600))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        await caller.until(TranscriptFinal)
        await asyncio.sleep(0.1)
        await caller.say(160)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert [done.status for done in caller.told(ResponseDone)] == ["completed"]
    assert caller.told(Heard)[-1].text == "It is noon."


def test_first_words_are_kept_while_the_bridge_connects() -> None:
    bridge = ScriptedBridge(delays=Delays(ready=3000))

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await asyncio.sleep(0.5)
        assert not bridge.sent
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    (item,) = bridge.heard
    assert tone(600)[: len(tone(600)) // 2] in bytes(bridge.sound[item])
    assert [type(command) for command in bridge.sent][:3] == [BeginSpeech, EndSpeech, Respond]
    assert caller.told(TranscriptFinal)[0].text == "hello"


def test_padding_holds_what_was_before_the_onset() -> None:
    bridge = ScriptedBridge()

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await asyncio.sleep(0.9)  # one second of silence in all
        await caller.say(600)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    (started,) = caller.told(SpeechStarted)
    assert abs(started.audio_start_ms - 700) <= 20
    (sound,) = bridge.sound.values()
    assert sound.startswith(bytes(280 * 32))
    assert tone(600)[:640] in bytes(sound)


def test_the_turn_ends_although_the_sound_stops_coming() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        caller.mic = False
        await caller.until(OutputStopped)

    caller, _ = play(talk, ScriptedBridge())
    assert caller.told(TranscriptFinal)


def test_silent_reply_when_only_text_is_wanted() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(500)
        await caller.until(ResponseDone)

    caller, _ = play(talk, ScriptedBridge(), replace(SETTINGS, output_modalities=("text",)))
    assert not caller.played_out
    items = [event.item for event in caller.told(ItemDone) if event.item.role == "assistant"]
    assert items[0].parts[0].kind == "output_text"
    assert items[0].text == "Hello there, my friend."


def test_digits_pass_and_refusals_name_the_event() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        session.note(DigitPressed("5", 100))
        session.refuse("not JSON", "invalid_request", "event_7", "type")

    caller, _ = play(talk, ScriptedBridge())
    assert caller.told(DigitPressed) == [DigitPressed("5", 100)]
    (problem,) = caller.told(Problem)
    assert (problem.client_event_id, problem.param) == ("event_7", "type")


def test_a_bridge_that_does_not_confirm_a_stop_does_not_hold_up_the_call() -> None:
    bridge = ScriptedBridge(
        hears=["count", "stop"], says=[Reply(COUNTING, clause_ms=5000), Reply("Stopped.")], answers_interrupts=False
    )

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await caller.say(900)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert [done.status for done in caller.told(ResponseDone)] == ["cancelled", "completed"]


def test_our_own_voice_in_the_microphone_does_not_interrupt_us_and_the_callers_does() -> None:
    bridge = ScriptedBridge(hears=["count", "stop", "never"], says=[Reply(COUNTING), Reply("Stopped.")])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.echo_loss_db = 10
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(2)
        assert not caller.told(ReplyPaused)
        await caller.say(900)
        await caller.until(Interrupted)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert len(caller.told(SpeechStarted)) == 2
    assert [done.status for done in caller.told(ResponseDone)] == ["completed", "completed"]


def test_a_sound_of_two_frames_costs_the_reply_a_moment_and_is_no_turn() -> None:
    bridge = ScriptedBridge(hears=["count"], says=[Reply(COUNTING)])

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(1)
        await caller.say(40)
        await caller.until(ReplyResumed)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    (paused,), (resumed,) = ([at for at, event in caller.log if isinstance(event, kind)] for kind in PAUSES)
    assert resumed - paused == pytest.approx(0.2, abs=0.03)
    assert len(caller.told(SpeechStarted)) == 1
    assert [done.status for done in caller.told(ResponseDone)] == ["completed"]


def test_a_caller_as_loud_as_our_first_words_silences_them_and_is_heard() -> None:
    """Nothing is known of the line yet: that voice might be our echo, were it not another sound."""
    bridge = ScriptedBridge(hears=["count", "stop"], says=[Reply(COUNTING), Reply("Stopped.")])

    async def talk(caller: FakeCaller, bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await caller.until(Heard)
        await asyncio.sleep(0.2)
        caller.say_soon(tone(2000, level_db=-32, hz=470))
        await caller.until(ReplyPaused, within_s=0.15)
        await caller.until(Interrupted)
        await caller.until(OutputStopped)

    caller, _ = play(talk, bridge)
    assert not caller.told(ReplyResumed)
    assert len(caller.told(SpeechStarted)) == 2
    assert len(caller.told(OutputCleared)) == 1


# --- the ends ---------------------------------------------------------------------------------------------------------


async def _wait(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
    await caller.until(SessionEnded, within_s=4000)


@pytest.mark.parametrize("reason", ["client_closed", "connection_lost", "setup_timeout", "protocol_error"])
def test_the_callers_reasons_are_kept(reason: str) -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.hang_up(reason)

    caller, ended = play(talk, ScriptedBridge())
    assert ended.reason == reason
    assert caller.closed == [reason]
    assert caller.events[-1] == ended


def test_the_bridge_fails() -> None:
    bridge = ScriptedBridge(fails=BridgeError("no engine", code="no_engine"), fails_after_ms=500)
    caller, ended = play(_wait, bridge)
    assert (ended.reason, ended.detail) == ("provider_error", "no engine")
    assert (caller.told(Problem)[0].code, caller.told(Problem)[0].type) == ("no_engine", "server_error")


def test_the_bridge_is_never_ready() -> None:
    caller, ended = play(_wait, ScriptedBridge(delays=Delays(ready=60000)))
    assert ended.reason == "provider_error"
    assert caller.log[-1][0] - caller.log[0][0] == pytest.approx(15, abs=0.1)


def test_the_bridge_finishes_by_itself() -> None:
    class Done(ScriptedBridge):
        async def _last(self) -> None:
            await asyncio.sleep(1)

    assert play(_wait, Done())[1].reason == "provider_closed"


def test_a_caller_that_cannot_be_attached_ends_its_own_call(caplog: pytest.LogCaptureFixture) -> None:
    class Unattachable(FakeCaller):
        def attach(self, *_: object, **__: object) -> None:
            raise ZeroDivisionError("secret words")

    async def alone() -> tuple[SessionEnded, FakeCaller]:
        caller = Unattachable(virtual_time.now)
        return await Session("sess_1", caller, ScriptedBridge(), SETTINGS, clock=virtual_time.now).run(), caller

    ended, caller = virtual_time.run(alone())
    assert (ended.reason, caller.closed) == ("internal_error", ["internal_error"])
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("codec", "kept"), [("opus", True), ("pcm", False)])
def test_packets_are_kept_for_a_provider_that_takes_them(codec: SoundCodec, kept: bool) -> None:
    async def alone() -> Opus:
        caller, bridge = Opus(), ScriptedBridge()
        caller.clock = virtual_time.now
        bridge.capabilities = replace(bridge.capabilities, input_codec=codec)
        session = Session("sess_1", caller, bridge, SETTINGS, clock=virtual_time.now)
        session.end("client_closed")
        await session.run()
        return caller

    assert virtual_time.run(alone()).kept is kept


@pytest.mark.parametrize("where", ["bridge", "caller", "hear", "event"])
def test_a_defect_ends_this_call_with_one_line_and_no_content(where: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedBridge):
        def hear(self, pcm: bytes) -> None:
            raise ZeroDivisionError("secret words")

    def defect(_event: Event) -> None:
        raise ZeroDivisionError("secret words")

    async def talk(caller: FakeCaller, bridge: ScriptedBridge, session: Session) -> None:
        if where == "caller":
            assert caller.hangup is not None
            caller.hangup.set_exception(ZeroDivisionError("secret words"))
        if where == "hear":
            caller.say_soon(tone(400))
        if where == "event":
            caller.tell = defect  # type: ignore[method-assign]
            session.note(DigitPressed("1", 100))
            await asyncio.sleep(0.1)
            return
        await caller.until(SessionEnded)

    bridge = Broken(fails=ZeroDivisionError("secret words") if where == "bridge" else None, fails_after_ms=300)
    with caplog.at_level(logging.WARNING):
        _, ended = play(talk, bridge)
    assert ended.reason == "internal_error"
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert "secret" not in caplog.text


def test_idle_and_longest_call() -> None:
    assert play(_wait, ScriptedBridge(), limits=Limits(idle_s=20))[1].reason == "idle"

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        for _ in range(5):
            await caller.say(300)
            await asyncio.sleep(8)
        await caller.until(SessionEnded)

    caller, ended = play(talk, ScriptedBridge(), limits=Limits(max_duration_s=45, idle_s=20))
    assert ended.reason == "max_duration"
    assert caller.told(SessionCreated)[0].expires_at is not None


def test_a_client_that_does_not_keep_up_is_hung_up() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        def full(event: Event) -> None:
            caller.events.append(event)
            if not isinstance(event, SessionEnded):
                raise Hangup("protocol_error", "does not keep up")

        caller.tell = full  # type: ignore[method-assign]
        await caller.say(400)
        await caller.until(SessionEnded)

    assert play(talk, ScriptedBridge())[1].reason == "protocol_error"


def test_a_caller_that_does_not_close_is_left_after_five_seconds(caplog: pytest.LogCaptureFixture) -> None:
    times: list[float] = []

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        caller.close_hangs = True
        caller.hang_up()
        times.append(virtual_time.now())
        while caller.running or _bridge.running or not caller.closed:
            await asyncio.sleep(0.01)
        await asyncio.sleep(6)

    assert play(talk, ScriptedBridge())[1].reason == "client_closed"
    assert "did not close" in caplog.text


def test_cancelling_a_session_cancels_both_sides() -> None:
    async def scenario() -> None:
        caller, bridge = FakeCaller(virtual_time.now), ScriptedBridge()
        session = Session("sess_1", caller, bridge, SETTINGS, None, virtual_time.now, make_voice=LoudIsVoice)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(session.run())
            await asyncio.sleep(1)
            assert caller.running
            assert bridge.running
            running.cancel()
        assert running.cancelled()
        assert not caller.running
        assert not bridge.running

    virtual_time.run(scenario())


# --- without turns ----------------------------------------------------------------------------------------------------


def test_the_echo_comes_back_frame_by_frame() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        await caller.say(500)
        await asyncio.sleep(0.2)
        assert session.state == "listening"
        caller.ask(CreateResponse(event_id="event_1"))

    caller, ended = play(talk, EchoBridge(), limits=Limits(idle_s=5))
    assert caller.live
    assert ended.reason == "client_closed"
    assert tone(500, 24000) in bytes(caller.played_out)
    assert not caller.told(SpeechStarted)
    assert not caller.told(AudioDelta)


def test_partials_are_told() -> None:
    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(600)
        await caller.until(OutputStopped)

    caller, _ = play(talk, ScriptedBridge(partials=True))
    assert caller.told(TranscriptPartial)[0].text == "hello"


def test_late_reports_of_unknown_items_are_nothing() -> None:
    async def talk(_caller: FakeCaller, _bridge: ScriptedBridge, session: Session) -> None:
        session.note(PlayoutStarted("item_x", 0.0))
        session.note(PlayoutFinished("item_x", 0, 0.0))

    assert play(talk, ScriptedBridge())[1].reason == "client_closed"


def test_a_bridge_hears_every_frame_when_it_wants_to() -> None:
    bridge = ScriptedBridge(capabilities=Capabilities(input_rate=16000, output_rate=16000, hears="always"))
    frames: list[bytes] = []
    bridge.hear = frames.append  # type: ignore[method-assign]

    async def talk(caller: FakeCaller, _bridge: ScriptedBridge, _session: Session) -> None:
        await caller.say(400)
        await asyncio.sleep(1)

    caller, _ = play(talk, bridge)
    assert len(frames) >= 70
    assert not bridge.asked(BeginSpeech)
    assert caller.told(SpeechStarted)


class Tape:
    """Counts what it is given."""

    missing_ms, failed = 0, False

    def __init__(self) -> None:
        self.begun: list[object] = []
        self.times: list[float] = []
        self.ends: list[float] = []

    def begin(self, *how: object) -> Tape:
        self.begun.append(how)
        return self

    def heard(self, pcm: bytes, at: float) -> None:
        self.times.append(at)

    def played(self, pcm: bytes, at: float) -> None:
        raise AssertionError("this caller does not play")

    def end(self, at: float) -> None:
        self.ends.append(at)


def test_a_recorded_call_gives_all_that_is_heard_and_the_caller_a_tap() -> None:
    async def scenario() -> None:
        tape, caller, began = Tape(), FakeCaller(virtual_time.now), virtual_time.now()
        support = Support(begin_tape=tape.begin)
        session = Session("sess_1", caller, EchoBridge(), SETTINGS, clock=virtual_time.now, support=support)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(session.run())
            await asyncio.sleep(1.0)
            caller.hang_up()
        assert tape.begun == [(caller.id, 24000, 24000, began)]
        assert caller.tap == tape.played
        assert len(tape.times) >= 45 and tape.times == sorted(tape.times)
        assert len(tape.ends) == 1
        assert session.record.entries()[-2]["kind"] == "recorded"

    virtual_time.run(scenario())


def test_noise_is_taken_out_before_anybody_else_hears_the_caller() -> None:
    class Turned:
        """A denoiser that can be told from none."""

        def feed(self, frame: bytes) -> bytes:
            return frame[::-1]

    async def scenario() -> None:
        bridge, caller = EchoBridge(), FakeCaller(virtual_time.now)
        heard: list[bytes] = []
        support = Support(quiet=Quiet(lambda _: Turned(), always=True))
        session = Session("sess_1", caller, bridge, SETTINGS, clock=virtual_time.now, support=support)
        session._succession.talk.hear = lambda pcm, _at: heard.append(pcm)  # type: ignore[method-assign]
        session.hear(b"\1\0" * 480, 0.0)
        assert heard == [b"\0\1" * 480]

    virtual_time.run(scenario())
