import numpy as np

from signaling.evaluate.player import LONGEST_MS, SETTLE_MS, Player
from tests.signaling.evaluate.stage import scored


def play(player, until_ms):
    frames = []
    while player.at_ms < until_ms and not player.over:
        frames.append(player.pull())
    return np.concatenate(frames) if frames else np.zeros(0, np.int16)


def starts(player):
    return [(one.utterance.name, one.start_ms) for one in player.said]


def test_the_first_sound_begins_to_the_millisecond_and_is_all_there():
    player = Player(scored("caller: [{say: one two}]"))
    sound = play(player, 2000)
    assert starts(player) == [("#1", 500.0)]
    assert not sound[: 500 * 16].any() and not sound[900 * 16 :].any()
    assert np.array_equal(sound[500 * 16 : 900 * 16], player.said[0].utterance.pcm)


def test_a_turn_may_follow_the_one_before():
    player = Player(scored("caller: [{say: one}, {say: two, when: {after_ms: 300}}]"))
    play(player, 3000)
    assert starts(player) == [("#1", 500.0), ("#2", 1000.0)]


def test_a_barge_in_waits_for_the_reply_to_the_turn_before_and_not_for_an_older_one():
    player = Player(scored("caller: [{say: one}, {say: two, kind: barge_in, when: {reply_ms: 400}}]"))
    player.reply(True, 0.0)  # somebody speaks before we do
    play(player, 1500)
    player.reply(False, 1400.0)
    player.reply(True, 1500.0)
    play(player, 3000)
    assert starts(player) == [("#1", 500.0), ("#2", 1900.0)]


def test_an_answer_that_began_in_a_pause_is_one():
    player = Player(scored("caller: [{say: one}, {pause_ms: 600}, {say: two}, {say: stop, when: {reply_ms: 1000}}]"))
    play(player, 1200)
    player.reply(True, 1200.0)
    play(player, 4000)
    assert starts(player) == [("#1", 500.0), ("#2", 2200.0)]


def test_a_backchannel_does_not_ask_for_another_reply():
    player = Player(
        scored(
            "caller: [{say: a}, {say: mm, kind: backchannel, when: {reply_ms: 100}}, {say: b, when: {silence_ms: 200}}]"
        )
    )
    play(player, 1000)
    player.reply(True, 1000.0)
    play(player, 2000)
    player.reply(False, 1990.0)
    play(player, 3000)
    assert starts(player) == [("#1", 500.0), ("#2", 1100.0), ("#3", 2200.0)]


def test_without_a_reply_what_waits_for_it_is_never_said():
    player = Player(scored("listen_ms: 1000\ncaller: [{say: a}, {say: b, name: late, when: {reply_ms: 100}}]"))
    play(player, 9000)
    assert player.unsaid == ["late"] and player.over and player.at_ms < 2000


def test_the_call_is_over_when_the_last_reply_has_been_silent():
    player = Player(scored("caller: [{say: a}]"))
    play(player, 1000)
    player.reply(True, 1000.0)
    play(player, 5000)
    assert not player.over
    player.reply(False, 5000.0)
    play(player, 20_000)
    assert player.over and player.at_ms == 5000 + SETTLE_MS


def test_the_caller_hangs_up_when_the_script_says_so():
    player = Player(scored("caller: [{hang_up: true, when: {call_ms: 900}}]"))
    play(player, 9000)
    assert player.over and player.at_ms == 900


def test_no_call_lasts_for_ever():
    player = Player(scored("caller: [{say: a}]"))
    play(player, 1000)
    player.reply(True, 1000.0)
    play(player, 2 * LONGEST_MS)
    assert player.at_ms == LONGEST_MS


def test_noise_lies_under_everything_and_never_ends():
    player = Player(scored("noise: {kind: white, snr_db: 30}\ncaller: [{say: a, when: {call_ms: 11000}}]"))
    sound = play(player, 12_000)
    assert all(np.abs(sound[at : at + 320]).max() > 10 for at in range(0, len(sound), 320))
    assert np.abs(sound[11_000 * 16 : 11_200 * 16]).max() > 2000


def test_the_words_said_so_far_are_known():
    player = Player(scored("caller: [{say: one two}, {say: three, when: {after_ms: 100}}]"))
    play(player, 720)
    assert player.words(0, player.at_ms) == "one"
    play(player, 1500)
    assert player.words(710, player.at_ms) == "two three"
