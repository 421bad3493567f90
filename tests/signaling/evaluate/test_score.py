import numpy as np
import pytest

from signaling.evaluate.score import score
from signaling.evaluate.script import When
from tests.signaling.evaluate.stage import Hum, scored, script


def test_sounds_joined_by_a_pause_are_one_utterance_with_marks_to_the_millisecond():
    made = scored("caller: [{say: one two}, {pause_ms: 500}, {say: three, name: end}]")
    (utterance,) = made.utterances
    assert [(span.start_ms, span.end_ms, span.text) for span in utterance.spans] == [
        (0, 400, "one two"),
        (900, 1100, "three"),
    ]
    assert utterance.pauses == [(400, 900)] and utterance.length_ms == 1100 and utterance.text == "one two three"
    assert utterance.name == "end" and utterance.when == When(call_ms=500)
    assert not utterance.pcm[400 * 16 : 900 * 16].any() and utterance.pcm[: 400 * 16].any()


def test_a_pause_of_the_voice_itself_is_one_too():
    class Hesitant(Hum):
        def sound(self, step):
            one, two = self.spoken("a b"), self.spoken("c")
            return np.concatenate([one, np.zeros(300 * 16, np.float32), two]), "one two three"

    (utterance,) = score(script("caller: [{say: hm}]"), Hesitant()).utterances
    assert [(span.start_ms, span.end_ms, span.text) for span in utterance.spans] == [
        (0, 400, "one two"),
        (700, 900, "three"),
    ]
    assert utterance.pauses == [(400, 700)]


def test_what_is_faint_at_the_edge_of_a_voice_is_no_part_of_a_pause():
    class Fading(Hum):
        def sound(self, step):
            return self.spoken("a b") * np.linspace(1, 0, 400 * 16, dtype=np.float32), "one"

    (utterance,) = score(script("caller: [{say: hm}, {pause_ms: 500}, {say: hm}]"), Fading()).utterances
    assert utterance.pauses == [(400, 900)]


def test_each_when_begins_another_one_and_noises_are_no_turns():
    made = scored(
        "caller: [{say: a}, {say: b, kind: backchannel, when: {reply_ms: 9}}, {sound: cough, when: {after_ms: 1}}, "
        "{hang_up: true}]"
    )
    assert [(one.kind, one.name) for one in made.utterances] == [("turn", "#1"), ("backchannel", "#2"), ("noise", "#3")]
    assert made.hang_up == When(after_ms=0)


def test_words_share_the_time_of_their_sentence_by_their_letters():
    (span,) = scored("caller: [{say: a abcde}]").utterances[0].spans
    assert span.words() == [(0, 100, "a"), (100, 400, "abcde")]


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
def test_noise_lies_as_far_below_a_voice_as_it_is_said(kind):
    noise = scored(f"noise: {{kind: {kind}, snr_db: 10}}\ncaller: [{{say: a}}]").noise
    level = np.sqrt(np.mean((noise / 32768) ** 2))
    assert 20 * np.log10(level) == pytest.approx(-34, abs=0.3)


def test_without_noise_there_is_silence():
    assert not len(scored("caller: [{say: a}]").noise)
