import asyncio

import numpy as np

from mediaserver.bridge import Opening
from mediaserver.commands import BeginSpeech, DropSpeech, EndSpeech, Interrupt, Respond
from mediaserver.events import AudioDelta, ResponseCreated, ResponseDone, TranscriptFinal, TranscriptPartial
from mediaserver.settings import Settings
from signaling.evaluate import virtual
from signaling.evaluate.agent import MODEL_S, PARTIAL_LAG_MS, SPEECH_S, TRANSCRIPT_S, Agent, tone
from signaling.evaluate.noise import RATE
from signaling.evaluate.script import Reply
from tests.signaling.evaluate.stage import said

SETTINGS = Settings("scripted")
WORDS = said(0, (0, 1000, "One, two."), (1500, 2000, "Three."))


def talk(scenario):
    """Run a scenario beside an agent whose caller says :data:`WORDS`, and return what it said with its time in ms."""
    told = []

    async def both():
        began = virtual.now()

        def clock():
            return round((virtual.now() - began) * 1000, 3)

        agent = Agent((Reply(1.0), Reply(2.0)), lambda since, until: " ".join(WORDS.words(since, until)), clock)
        running = asyncio.create_task(
            agent.run(Opening(SETTINGS), lambda event: told.append((clock(), event)), lambda: None)
        )
        await asyncio.sleep(0)
        await scenario(agent)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(both())
    return told


async def hear(agent, ms):
    for _ in range(ms // 20):
        await asyncio.sleep(0.02)
        agent.hear(bytes(640))


def of(told, kind):
    return [(at, event) for at, event in told if isinstance(event, kind)]


def test_it_understands_a_word_some_time_after_it_was_said_and_all_of_them_at_the_end():
    async def scenario(agent):
        agent.send(BeginSpeech(item_id="a"))
        await hear(agent, 1400)
        agent.send(EndSpeech(item_id="a"))
        await asyncio.sleep(1)

    told = talk(scenario)
    partials = of(told, TranscriptPartial)
    assert [event.text for _, event in partials] == ["one", "one two"]
    assert partials[0][0] >= 500 + PARTIAL_LAG_MS and partials[1][0] >= 1000 + PARTIAL_LAG_MS
    assert [(at, event.text) for at, event in of(told, TranscriptFinal)] == [(1400 + 1000 * TRANSCRIPT_S, "One, two.")]


def test_each_turn_has_its_own_words_and_what_is_dropped_is_gone():
    async def scenario(agent):
        agent.send(BeginSpeech(item_id="a"))
        await hear(agent, 1200)
        agent.send(DropSpeech(item_id="a"))
        agent.send(BeginSpeech(item_id="b"))
        await hear(agent, 1000)
        agent.send(EndSpeech(item_id="b"))
        await asyncio.sleep(1)

    assert [event.text for _, event in of(talk(scenario), TranscriptFinal)] == ["Three."]


def test_it_answers_after_known_times_with_one_reply_after_the_other_the_last_for_ever():
    async def scenario(agent):
        for name in ("r1", "r2", "r3"):
            agent.send(Respond(response_id=name, settings=SETTINGS))
            await asyncio.sleep(1)

    told = talk(scenario)
    assert next(at for at, _ in of(told, ResponseCreated)) == 1000 * MODEL_S
    sounds = of(told, AudioDelta)
    assert sounds[0][0] == 1000 * (MODEL_S + SPEECH_S)
    assert [len(event.pcm) / 2 / RATE for _, event in sounds] == [1.0, 2.0, 2.0]
    assert [event.status for _, event in of(told, ResponseDone)] == ["completed"] * 3


def test_an_answer_that_is_interrupted_is_not_made():
    async def scenario(agent):
        agent.send(Respond(response_id="r", settings=SETTINGS))
        await asyncio.sleep(MODEL_S / 2)
        agent.send(Interrupt(response_id="r"))
        await asyncio.sleep(1)

    told = talk(scenario)
    assert not of(told, AudioDelta)
    assert [(event.status, event.reason) for _, event in of(told, ResponseDone)] == [("cancelled", "turn_detected")]


def test_its_tone_is_audible_from_its_first_milliseconds_to_its_last():
    samples = np.frombuffer(tone(1.0), np.int16)
    assert len(samples) == RATE
    assert all(np.abs(samples[at : at + 80].astype(int)).max() > 1000 for at in range(0, RATE, 80))
