"""From voice to voice: where the voice ends, what counts as the answer, and one question that is answered."""

import numpy as np
import pytest

from benchmarks import servers
from benchmarks import voice_to_voice as whole
from benchmarks.client import Packet
from benchmarks.peers.stages import QUESTION
from benchmarks.questions import AUDIBLE, REST, Asked, Asker, Turn, script, voice
from benchmarks.sound import FRAME, Ear
from mediaserver.audio.opus import OpusEncoder
from mediaserver.conversation.endings import ending


def test_the_last_packet_with_voice_is_the_clips_last() -> None:
    asked = script(dtx=False)
    ear = Ear()
    levels = [ear.level(packet or b"") for packet in asked.packets]
    assert asked.last == pytest.approx(len(voice()) // FRAME - 1, abs=1)
    assert levels[asked.last] > AUDIBLE > max(levels[asked.last + 1 :])
    assert None not in asked.packets


def test_silence_is_left_out_where_dtx_is_asked_for() -> None:
    asked = script(dtx=True)
    spoken = asked.packets[: asked.last + 1]
    assert spoken[-1] is not None and spoken.count(None) < 0.2 * len(
        spoken
    )  # a synthesised voice may begin with silence
    assert asked.packets[asked.last + 1 :].count(None) > 0.9 * len(asked.packets[asked.last + 20 :])


def test_a_guess_at_the_question_is_a_whole_sentence() -> None:
    assert ending(QUESTION) == "finished"


class Line:
    dtx = False

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def send(self, payload: bytes) -> None:
        self.sent = payload


def opus(level: float) -> bytes:
    encoder = OpusEncoder(48000)
    tone = (32767 * level * np.sin(np.arange(FRAME) / 10)).astype("<i2").tobytes()
    packets = [encoder.encode(tone) for _ in range(3)]
    encoder.close()
    return packets[-1]


def test_the_answer_is_the_first_sound_after_the_voice_and_the_next_question_waits_for_its_end() -> None:
    line = Line()
    asker = Asker(line, Ear(), 0, [], {})
    for _ in range(REST):
        asker.speak(0.0)
    assert asker.resting
    asker.ask()
    last = script(dtx=False).last
    for number in range(last + 60):
        asker.speak(number * 0.02)
        if number >= last + 20:
            line.packets.append(
                Packet(number * 0.02, number, 0, opus(0.3) if number in range(last + 40, last + 50) else b"\x08")
            )
        asker.listen()
        line.packets, asker._read = [], 0
    [turn] = asker.turns
    assert (turn.ended, turn.heard) == (last * 0.02, (last + 40) * 0.02)
    assert not asker.resting
    for _ in range(REST):
        asker.speak(0.0)
    assert asker.resting


MARKS = [
    {"stage": "stt", "asked": 9.0, "answered": 9.3},
    {"stage": "stt", "asked": 10.5, "answered": 10.8},
    {"stage": "llm", "asked": 10.7, "answered": 11.05},
    {"stage": "tts", "asked": 11.06, "answered": 11.21},
    {"stage": "tts", "asked": 11.07, "answered": 11.22},
]


def test_what_lay_between_the_stages_is_told_and_an_overlap_is_less_than_nothing() -> None:
    waits = whole.waits(Turn(10.0, 11.25), MARKS)
    assert waits == pytest.approx({"stt": 500, "llm": -100, "tts": 10, "heard": 40})


def test_the_table_counts_from_the_sum_and_over_pipecat() -> None:
    figures, peer = whole.Figures(), whole.Figures([2500.0])
    figures.take(Asked([Turn(10.0, 11.25), Turn(20.0), Turn(10.0, 11.25)], 3.0), MARKS)
    line = whole.cells(whole.ROWS[0], figures, peer)
    assert line[:8] == ["ours", "1250 ms", "1250 ms", "1300", "-50", "-50", "0.50", "1"]
    assert whole.cells(whole.ROWS[0], whole.Figures(missed=2), peer)[1] == "-"


@pytest.mark.campaign
def test_a_question_is_answered() -> None:
    row = next(row for row in whole.ROWS if row.speculate == "speech")
    with servers.providing("benchmarks.peers.stages") as provider:
        asked, marks = whole.measure(row, provider, 1)
    [turn] = asked.turns
    assert turn.heard is not None
    assert {mark["stage"] for mark in marks} == {"stt", "llm", "tts"}
