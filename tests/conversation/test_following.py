from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mediaserver.bridge import Feature, SpeechEvents
from mediaserver.commands import (
    CancelResponse,
    ClearInput,
    ClearOutput,
    Command,
    CommitInput,
    CreateItem,
    CreateResponse,
    DeleteItem,
    Interrupt,
    Respond,
    TruncateItem,
    UpdateSession,
)
from mediaserver.conversation.following import DOUBT_S
from mediaserver.conversation.speaking import FORGET_S
from mediaserver.events import (
    AudioDelta,
    Heard,
    InputCommitted,
    InputTimedOut,
    Interrupted,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    ItemTruncated,
    OutputCleared,
    OutputStopped,
    Problem,
    ReplyCut,
    ReplyPaused,
    ReplyResumed,
    ResponseCreated,
    ResponseDone,
    ResponseRefused,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextCorrected,
    TextDelta,
    ToolCalled,
    TranscriptFailed,
    TranscriptFinal,
    TranscriptPartial,
    TurnMeasured,
)
from mediaserver.items import Item, Part
from mediaserver.settings import Tool, TurnDetection
from tests.conversation.calling import SETTINGS, Call, call, whole
from tests.conversation.test_dialogue import typed
from tests.fakes.bridge import MS_PER_WORD, Delays, Reply
from tests.fakes.caller import tone
from tests.fakes.provider import Provider, abilities

COUNTING = "One two three, four five six, seven eight nine, ten eleven twelve."
COUGH = tone(160)
BY_HAND = replace(SETTINGS, turn_detection=None)
HOLDING = replace(SETTINGS, turn_detection=TurnDetection(silence_duration_ms=300, interrupt_response=False))


def output(call_id: str, text: str = "42") -> CreateItem:
    return CreateItem(item=Item(f"item_out_{call_id}", "function_call_output", call_id=call_id, output=text))


# --- the order of the contract ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("says", ["both", "start", "none"])
def test_a_turn_is_told_in_the_order_of_the_contract_whatever_the_provider_says(says: SpeechEvents) -> None:
    bridge = Provider(hears=["hello"], says=[Reply("Hi.")], capabilities=abilities(says=says))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    order = ["SpeechStarted", "SpeechStopped", "InputCommitted", "ItemAdded", "TranscriptFinal", "ItemDone"]
    assert one.caller.names()[1:7] == order
    names = {
        event.item_id for kind in (SpeechStarted, SpeechStopped, InputCommitted) for event in one.caller.told(kind)
    }
    assert len(names) == 1
    assert one.caller.told(ItemDone)[0].item.text == "hello"
    (measured,) = one.caller.told(TurnMeasured)
    assert measured.item_id in names


def test_speech_that_the_provider_did_not_take_for_a_turn_ends_for_the_client() -> None:
    bridge = Provider(capabilities=abilities(says="none"))

    async def talk(one: Call) -> None:
        await one.caller.say(80)
        await asyncio.sleep(FORGET_S + 1)
        assert one.session.state == "idle"

    one = call(talk, [bridge])
    whole(one.caller)
    assert len(one.caller.told(SpeechStopped)) == 1
    assert not one.caller.told(InputCommitted)


def test_partials_failures_and_timeouts_are_told_under_the_clients_names() -> None:
    bridge = Provider(capabilities=abilities(says="none"), hears=[""], delays=Delays(transcript=9000))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(InputCommitted)
        bridge.emit(TranscriptPartial("item_p_user_1", "hel"))
        bridge.emit(TranscriptFailed("item_p_user_1", "bad", "could not"))
        bridge.emit(InputTimedOut("item_t", 0, 100))

    one = call(talk, [bridge])
    (committed,) = one.caller.told(InputCommitted)
    assert one.caller.told(TranscriptPartial)[0].item_id == committed.item_id
    assert one.caller.told(TranscriptFailed)[0].item_id == committed.item_id
    assert one.caller.told(ItemDone)[0].item.id == committed.item_id
    assert one.caller.told(InputTimedOut)


def test_without_transcripts_the_item_is_done_when_it_is_committed() -> None:
    bridge = Provider(hears=["hello"], capabilities=abilities("transcripts"), delays=Delays(transcript=60_000))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)

    whole(call(talk, [bridge]).caller)


# --- interruptions ----------------------------------------------------------------------------------------------------


def test_a_barge_in_cuts_what_plays_and_the_provider_is_told_what_was_heard() -> None:
    bridge = Provider(hears=["count", "stop"], says=[Reply(COUNTING), Reply("Stopped.")])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard)
        await asyncio.sleep(4.5 * MS_PER_WORD / 1000)
        await one.caller.say(600)
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    (cut,), (told,) = one.caller.told(Interrupted), bridge.asked(TruncateItem)
    assert isinstance(told, TruncateItem)
    assert (told.item_id, told.audio_end_ms) == (cut.item_id, cut.played_ms)
    assert one.caller.told(ItemTruncated)[0].audio_end_ms == cut.played_ms
    assert abs(len(cut.text.split()) - cut.played_ms / MS_PER_WORD) <= 1
    assert one.caller.told(OutputCleared)


def test_a_barge_in_while_it_is_being_made_ends_it_as_cancelled() -> None:
    bridge = Provider(hears=["count", "stop"], says=[Reply(COUNTING, clause_ms=900), Reply("Stopped.")])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        await one.caller.say(600)
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    done = one.caller.told(ResponseDone)
    assert [(one.status, one.reason) for one in done] == [("cancelled", "turn_detected"), ("completed", None)]


def test_a_provider_that_cannot_be_told_is_not_told() -> None:
    bridge = Provider(hears=["count", "stop"], says=[Reply(COUNTING)], capabilities=abilities("truncate"))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        await one.caller.say(600)
        await one.caller.until(Interrupted)

    call(talk, [bridge])
    assert not bridge.asked(TruncateItem)


def test_never_more_is_told_than_before() -> None:
    bridge = Provider(hears=["count"], says=[Reply(COUNTING)])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(OutputStopped)
        item_id = one.caller.told(ItemAdded)[-1].item.id
        for ms in (900, 1200, 600):
            one.caller.ask(TruncateItem(item_id=item_id, content_index=0, audio_end_ms=ms))

    call(talk, [bridge])
    assert [one.audio_end_ms for one in bridge.asked(TruncateItem)] == [900, 600]  # type: ignore[attr-defined]


def test_an_onset_of_our_own_silences_until_the_provider_has_said_what_it_was() -> None:
    bridge = Provider(hears=["count"], says=[Reply(COUNTING)], capabilities=abilities(says="none"), cuts=False)

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        one.caller.say_soon(COUGH)
        await one.caller.until(ReplyPaused)
        assert one.session.state == "paused"
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    times = {type(event): at for at, event in one.caller.log if isinstance(event, ReplyPaused | ReplyResumed)}
    assert DOUBT_S <= times[ReplyResumed] - times[ReplyPaused] < DOUBT_S + 0.1
    assert len(one.caller.played_out) // 32 == 12 * MS_PER_WORD


def test_a_cut_of_the_provider_makes_the_doubt_certain() -> None:
    bridge = Provider(hears=["count", "stop"], says=[Reply(COUNTING)], capabilities=abilities(says="none"))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        one.caller.say_soon(COUGH)
        await one.caller.until(ReplyPaused)
        bridge.emit(ReplyCut())
        await asyncio.sleep(3)

    one = call(talk, [bridge])
    whole(one.caller)
    assert one.caller.told(Interrupted)
    assert not one.caller.told(ReplyResumed)
    played = len(one.caller.played_out)
    assert played // 32 < 12 * MS_PER_WORD


@pytest.mark.parametrize("said_ms", [600, 2400], ids=["a_word", "a_sentence"])
def test_speech_cuts_what_the_provider_has_long_made(said_ms: int) -> None:
    """Such a provider does not say that it was interrupted: who goes on speaking cuts the reply, and so does a turn."""
    bridge = Provider(
        hears=["count", "stop"], says=[Reply(COUNTING), Reply("Yes.")], capabilities=abilities(says="none"), cuts=False
    )

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        await one.caller.say(said_ms)
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    assert one.caller.told(Interrupted)
    assert len(one.caller.played_out) // 32 < 12 * MS_PER_WORD


def test_a_doubt_does_not_outlive_the_provider() -> None:
    first = Provider(hears=["count"], says=[Reply(COUNTING)], capabilities=abilities(says="none"), cuts=False, name="a")
    second = Provider(hears=[""], capabilities=abilities(says="none"), name="b")

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        one.caller.say_soon(COUGH)
        await one.caller.until(ReplyPaused)
        first.breaks()
        await one.open_bridges(2)
        await one.caller.until(OutputStopped)

    one = call(talk, [first], [second])
    whole(one.caller)
    assert len(one.caller.played_out) // 32 == 12 * MS_PER_WORD


def test_who_is_not_to_be_interrupted_is_not() -> None:
    bridge = Provider(hears=["count", "mm"], says=[Reply(COUNTING), Reply("Yes.")], cuts=False)

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 3)
        await one.caller.say(600)
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [bridge], settings=HOLDING)
    whole(one.caller)
    assert not one.caller.told(Interrupted)


def test_the_providers_memory_corrects_ours() -> None:
    bridge = Provider(hears=["count", "stop"], says=[Reply(COUNTING)])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 4)
        await one.caller.say(400)
        (cut,) = one.caller.told(Interrupted)
        bridge.emit(TextCorrected(cut.item_id, "One two"))
        bridge.emit(TextCorrected("item_unknown", "?"))
        item = one.session._succession.conversation.find(cut.item_id)
        assert item is not None
        assert item.parts[0].text == "One two"
        assert item.parts[0].full_text

    call(talk, [bridge])


# --- requests that meet -----------------------------------------------------------------------------------------------


def test_a_client_that_is_too_early_is_refused_and_nothing_else_happens() -> None:
    bridge = Provider(hears=["count"], says=[Reply(COUNTING, clause_ms=500)])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(ResponseCreated)
        one.caller.ask(CreateResponse(event_id="e"))
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    (problem,) = one.caller.told(Problem)
    assert (problem.code, problem.client_event_id) == ("conversation_already_has_active_response", "e")
    assert not bridge.asked(Respond)


def test_ours_waits_where_the_provider_was_faster() -> None:
    bridge = Provider(hears=["hello"], says=[Reply("Hi."), Reply("Again.")], delays=Delays(model=300))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(InputCommitted)
        one.caller.ask(CreateResponse(metadata=(("ours", "1"),)))
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [bridge])
    whole(one.caller)
    assert not one.caller.told(Problem)
    created = one.caller.told(ResponseCreated)
    assert [response.metadata for response in created] == [(), (("ours", "1"),)]
    assert len(bridge.asked(Respond)) == 2  # refused once, and asked for again under the same name
    assert len({ask.response_id for ask in bridge.asked(Respond)}) == 1  # type: ignore[attr-defined]


def test_a_request_that_is_refused_for_good_fails() -> None:
    bridge = Provider(delays=Delays(model=60_000))

    async def talk(one: Call) -> None:
        one.caller.ask(typed("hello"))
        one.caller.ask(CreateResponse())
        (ask,) = bridge.asked(Respond)
        bridge.emit(ResponseRefused("resp_strange", "x", "y"))
        bridge.emit(ResponseRefused(ask.response_id, "invalid_value", "no such voice"))  # type: ignore[attr-defined]

    one = call(talk, [bridge])
    whole(one.caller)
    (done,) = one.caller.told(ResponseDone)
    assert (done.status, done.error_code, done.error_message) == ("failed", "invalid_value", "no such voice")


def test_the_answer_to_an_output_that_comes_by_itself_is_not_asked_for_once_more() -> None:
    says = [Reply(tool=("look_up", "{}")), Reply("It is 42."), Reply("More.")]
    bridge = Provider(hears=["what"], says=says, capabilities=abilities(goes_on=True))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        called = await one.caller.until(ToolCalled)
        await one.caller.until(ResponseDone)
        one.caller.ask(output(called.call_id))
        await asyncio.sleep(0.3)
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)
        one.caller.ask(typed("more"))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped, 2)

    one = call(talk, [bridge])
    whole(one.caller)
    assert not one.caller.told(Problem)
    assert len(bridge.asked(Respond)) == 1


def test_the_same_for_a_client_that_asks_at_once() -> None:
    says = [Reply(tool=("look_up", "{}")), Reply("It is 42."), Reply("More.")]
    bridge = Provider(hears=["what"], says=says, capabilities=abilities(goes_on=True))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        called = await one.caller.until(ToolCalled)
        await one.caller.until(ResponseDone)
        one.caller.ask(output(called.call_id))
        one.caller.ask(CreateResponse())
        await one.caller.until(OutputStopped)
        await asyncio.sleep(3)

    one = call(talk, [bridge])
    whole(one.caller)
    assert not one.caller.told(Problem)
    assert len(one.caller.told(ResponseCreated)) == 2


def test_a_response_is_cancelled_there_or_here() -> None:
    for without, asked in (((), 1), (("cancel",), 0)):
        bridge = Provider(hears=["count"], says=[Reply(COUNTING, clause_ms=900)], capabilities=abilities(*without))  # type: ignore[arg-type]

        async def talk(one: Call) -> None:
            await one.caller.say(600)
            await one.caller.until(Heard, 2)
            one.caller.ask(CancelResponse())
            await asyncio.sleep(5)

        one = call(talk, [bridge])
        whole(one.caller)
        (done,) = one.caller.told(ResponseDone)
        assert (done.status, done.reason) == ("cancelled", "client_cancelled")
        assert len(bridge.asked(Interrupt)) >= asked


def test_one_that_waits_can_be_withdrawn() -> None:
    bridge = Provider(hears=["hello"], says=[Reply(COUNTING, clause_ms=300)], delays=Delays(model=300))

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(InputCommitted)
        one.caller.ask(CreateResponse())
        created = await one.caller.until(ResponseCreated)
        asked = bridge.asked(Respond)[0].response_id  # type: ignore[attr-defined]
        assert created.response_id != asked
        one.caller.ask(CancelResponse(response_id=asked))
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    assert {done.status for done in one.caller.told(ResponseDone)} == {"completed", "cancelled"}


def test_clearing_the_output_stops_it() -> None:
    bridge = Provider(hears=["count"], says=[Reply(COUNTING)])

    async def talk(one: Call) -> None:
        await one.caller.say(600)
        await one.caller.until(Heard, 2)
        one.caller.ask(ClearOutput())

    one = call(talk, [bridge])
    whole(one.caller)
    assert one.caller.told(OutputCleared)


# --- what cannot be had -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "command"),
    [
        ("text_turns", typed("hello")),
        ("context_items", CreateItem(item=Item("i", role="system", parts=(Part("input_text", "x"),)))),
        ("delete_items", DeleteItem(item_id="item_known")),
        ("clear_input", ClearInput()),
        ("respond", CreateResponse()),
        ("out_of_band", CreateResponse(out_of_band=True)),
        ("response_settings", CreateResponse(instructions="shout")),
        ("text_output", CreateResponse(output_modalities=("text",))),
        ("temperature", UpdateSession(settings=replace(SETTINGS, temperature=0.5))),
        ("manual_turns", UpdateSession(settings=BY_HAND)),
        ("no_interruption", UpdateSession(settings=HOLDING)),
        ("tools", UpdateSession(settings=replace(SETTINGS, tools=(Tool("f"),)))),
    ],
)
def test_what_the_provider_lacks_is_refused_by_that_name(without: Feature, command: Command) -> None:
    bridge = Provider(capabilities=abilities(without))
    known = CreateItem(item=Item("item_known", role="assistant", parts=(Part("output_text", "x"),)))

    async def talk(one: Call) -> None:
        if without not in ("text_turns", "context_items"):
            one.caller.ask(known)
        one.caller.ask(replace(command, event_id="e"))

    one = call(talk, [bridge])
    (problem,) = one.caller.told(Problem)
    assert (problem.code, problem.client_event_id) == ("unsupported_by_provider", "e")
    assert not any(type(came) is type(command) for came in bridge.sent if not isinstance(came, CreateItem))


def test_what_was_wished_for_at_the_start_and_cannot_be_had_is_said_once() -> None:
    bridge = Provider(capabilities=abilities("temperature", "speed"))

    async def talk(_: Call) -> None:
        await asyncio.sleep(0.1)

    one = call(talk, [bridge], settings=replace(SETTINGS, temperature=0.5, speed=1.5))
    assert [problem.code for problem in one.caller.told(Problem)] == ["unsupported_by_provider"] * 2
    assert bridge.opening is not None
    assert bridge.opening.settings == SETTINGS


def test_items_go_to_the_provider_as_they_are_made() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        one.caller.ask(typed("hello"))
        one.caller.ask(DeleteItem(item_id="item_typed"))
        one.caller.ask(DeleteItem(item_id="item_typed"))

    one = call(talk, [bridge])
    assert [type(command) for command in bridge.sent] == [CreateItem, DeleteItem]
    assert len(one.caller.told(ItemDeleted)) == 1
    assert [problem.code for problem in one.caller.told(Problem)] == ["item_delete_invalid_item_id"]


def test_turns_by_hand() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        one.caller.ask(ClearInput())
        one.caller.ask(CommitInput())
        await one.caller.say(600)
        one.caller.ask(CommitInput())
        await one.caller.until(TranscriptFinal)

    one = call(talk, [bridge], settings=BY_HAND)
    assert [problem.code for problem in one.caller.told(Problem)] == ["input_audio_buffer_commit_empty"]
    assert len(bridge.asked(CommitInput)) == 1


def test_settings_that_can_change_go_through_and_the_same_again_does_not() -> None:
    bridge = Provider()
    wanted = replace(SETTINGS, instructions="Be brief.")

    async def talk(one: Call) -> None:
        one.caller.ask(UpdateSession(settings=wanted))
        one.caller.ask(UpdateSession(settings=wanted))

    one = call(talk, [bridge])
    assert bridge.asked(UpdateSession) == [UpdateSession(settings=wanted)]
    assert len(one.caller.told(SessionUpdated)) == 2


def test_what_the_provider_says_of_nothing_we_know_is_passed_by() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        strange: list[Any] = [
            TextDelta("resp_x", "item_x", "?"),
            AudioDelta("resp_x", "item_x", b"12"),
            ResponseDone("resp_x"),
            TranscriptFinal("item_x", "?"),
            ReplyCut(),
        ]
        for event in strange:
            bridge.emit(event)
        assert one.session.state == "idle"

    one = call(talk, [bridge])
    assert one.ended is not None
    assert one.ended.reason == "client_closed"
    assert one.caller.names() == ["SessionCreated", "TranscriptFinal", "SessionEnded"]


def test_an_answer_that_comes_after_it_was_given_up_is_not_told_again() -> None:
    bridge = Provider(delays=Delays(model=60_000))

    async def talk(one: Call) -> None:
        one.caller.ask(typed("hello"))
        one.caller.ask(CreateResponse())
        (ask,) = bridge.asked(Respond)
        bridge.emit(ReplyCut())
        await asyncio.sleep(2)
        bridge.emit(ResponseCreated(ask.response_id))  # type: ignore[attr-defined]
        bridge.emit(TextDelta(ask.response_id, "item_late", "late"))  # type: ignore[attr-defined]
        assert one.session.state == "idle"

    one = call(talk, [bridge])
    whole(one.caller)
    assert not one.caller.told(TextDelta)


def test_an_answer_that_another_one_takes_the_place_of_is_ended() -> None:
    bridge = Provider(delays=Delays(model=60_000))

    async def talk(one: Call) -> None:
        for name in ("a", "b"):
            bridge.emit(ResponseCreated(name))
        bridge.emit(ResponseDone("b"))

    one = call(talk, [bridge])
    whole(one.caller)
    assert [(done.response_id, done.status) for done in one.caller.told(ResponseDone)] == [
        ("a", "failed"),
        ("b", "completed"),
    ]


def test_a_commit_in_mid_speech_ends_that_speech_for_the_client() -> None:
    bridge = Provider(hears=["and more"])

    async def talk(one: Call) -> None:
        one.caller.say_soon(tone(1200))
        await asyncio.sleep(0.5)
        one.caller.ask(CommitInput())
        await one.caller.until(OutputStopped)

    one = call(talk, [bridge])
    whole(one.caller)
    assert len({event.item_id for event in one.caller.told(InputCommitted)}) == 2


def test_the_same_turn_is_committed_once() -> None:
    bridge = Provider()

    async def talk(one: Call) -> None:
        for _ in range(2):
            bridge.emit(InputCommitted("item_twice", None))

    one = call(talk, [bridge])
    assert len(one.caller.told(InputCommitted)) == 1
    assert one.ended is not None
    assert one.ended.reason == "client_closed"
