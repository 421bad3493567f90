import random

import numpy as np
import pytest
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio.opus import OpusEncoder, OpusSettings
from mediaserver.audio.packets import Coded
from mediaserver.events import DigitPressed
from mediaserver.rtc import redundancy, rtcp, rtp
from mediaserver.rtc.codecs import Agreed, Codec
from mediaserver.rtc.formats import FORMATS
from mediaserver.rtc.receiver import FADING, AudioReceiver
from tests.clips import clip
from tests.rtc.network import carry

RATE = 16000
FRAME = 640
OPUS = Codec("opus", 111, 48000, 2)
EVENTS = Codec("telephone-event", 126, 48000)
PCMU, PCMA = Codec("pcmu", 0, 8000), Codec("pcma", 8, 8000)
RED = Codec("red", 63, 48000, 2, {"111/111": ""})
CN = Codec("cn", 13, 8000)
AGREED = Agreed("0", {111: OPUS, 0: PCMU, 8: PCMA, 126: EVENTS}, OPUS, telephone_event=EVENTS, level_id=1)
WITH_RED = Agreed("0", {111: OPUS, 63: RED}, OPUS, redundancy=RED)


class Ear:
    def __init__(self, terms=AGREED, **options):
        self.frames, self.digits = [], []
        keep, digit = self.frames.append, self.digits.append
        self.receiver = AudioReceiver(terms, RATE, lambda pcm, at: keep((at, pcm)), digit, **options)

    @property
    def pcm(self):
        return b"".join(pcm for _, pcm in self.frames)

    def hear(self, arrivals, until=None, tick=0.0):
        """Deliver packets in virtual time with a tick each 20 ms, up to ``until``."""
        arrivals = list(arrivals)
        end = until if until is not None else arrivals[-1][0] + 0.02
        tick = tick or arrivals[0][0] // 0.02 * 0.02 + 0.013
        while arrivals or tick <= end:
            if arrivals and arrivals[0][0] <= tick:
                at, packet = arrivals.pop(0)
                self.receiver.rtp(packet, at)
            else:
                self.receiver.tick(tick)
                tick += 0.02
        return self


@pytest.fixture
def ear():
    made = Ear()
    yield made
    made.receiver.close()


def packets(pcm=None, *, ms=20, start=1000, fec=0, first=10.0, seconds=None, timestamp=5000):
    """Return (time sent, packet) for speech of any length, repeated to ``seconds``."""
    pcm = pcm if pcm is not None else clip("numbers").pcm
    if seconds is not None:
        pcm = (pcm * (int(seconds * 32000 / len(pcm)) + 1))[: int(seconds * 32000)]
    encoder = OpusEncoder(RATE, OpusSettings(fec=bool(fec)))
    encoder.expect_loss(fec)
    size, made = 32 * ms, []
    for index in range(len(pcm) // size):
        payload = encoder.encode(pcm[index * size : (index + 1) * size])
        stamp = timestamp + index * 48 * ms & 0xFFFFFFFF
        made.append(
            (first + (index + 1) * ms / 1000, rtp.serialise(111, False, start + index & 0xFFFF, stamp, 9, payload))
        )
    encoder.close()
    return made


def clean(sent):
    ear = Ear()
    ear.hear(carry(sent))
    ear.receiver.close()
    return ear.pcm


def test_what_comes_in_order_is_delivered_in_the_same_call(ear):
    for count, (at, packet) in enumerate(packets(seconds=1), 1):
        ear.receiver.rtp(packet, at)
        assert len(ear.frames) == count
        assert ear.frames[-1][0] == at
    assert {len(pcm) for _, pcm in ear.frames} == {FRAME}


@pytest.mark.parametrize("ms", [10, 40, 60])
def test_packets_of_other_lengths_become_exact_frames(ear, ms):
    ear.hear(packets(ms=ms, seconds=1.2))
    assert {len(pcm) for _, pcm in ear.frames} == {FRAME}
    assert len(ear.frames) == 60


# --- N1 to N4 of the network conditions: frames with speech of their own, never stuck, delay ---------------------------


@pytest.mark.parametrize("burst", [1, 3])
@pytest.mark.parametrize(("loss", "least"), [(0.01, 0.995), (0.05, 0.98), (0.10, 0.95), (0.20, 0.88)])
def test_loss(ear, loss, least, burst):
    sent = packets(seconds=20, fec=20)
    ear.hear(carry(sent, loss=loss, burst=burst, seed=int(loss * 100)))
    stats = ear.receiver.stats
    assert stats.lost > 0.4 * loss * len(sent)
    assert len(ear.frames) >= len(sent) * least
    assert len(ear.frames) <= len(sent) + 8
    assert stats.recovered > 0.1 * stats.lost
    assert stats.late == 0
    gaps = np.diff([at for at, _ in ear.frames])
    assert gaps.max() < 0.2


@pytest.mark.parametrize(("jitter", "late", "delay"), [(0.03, 0.005, 0.06), (0.1, 0.01, 0.16)])
@pytest.mark.parametrize("in_order", [True, False], ids=["queue", "reordered"])
def test_jitter(ear, jitter, late, delay, in_order):
    sent = packets(seconds=30)
    ear.hear(carry(sent, jitter=jitter, in_order=in_order))
    stats = ear.receiver.stats
    assert stats.late <= late * len(sent)
    assert stats.jitter_ms > 3
    added = [at - 10.0 - 0.02 * (index + 1) - 0.05 for index, (at, _) in enumerate(ear.frames)]
    assert abs(len(ear.frames) - len(sent)) <= late * len(sent)
    assert np.percentile(added, 95) <= delay


def test_the_delay_shrinks_within_five_seconds_after_the_jitter(ear):
    sent = packets(seconds=20)
    ear.hear(carry(sent[:500], jitter=0.1) + carry(sent[500:]))
    rough, calm = ear.receiver.stats, Ear()
    assert rough.target_ms == 20
    calm.hear(carry(sent[:500], jitter=0.1))
    assert calm.receiver.stats.target_ms >= 80
    calm.hear(carry(sent[500:750]), tick=20.06)
    assert calm.receiver.stats.target_ms == 20
    calm.receiver.close()


def test_duplicates_change_nothing_and_nothing_is_played_twice(ear):
    sent = packets(seconds=10)
    ear.hear(carry(sent, duplicate=0.05) + [(30.0, packet) for _, packet in sent[:5]], until=20.1)
    assert ear.pcm[: len(sent) * FRAME] == clean(sent)
    assert ear.receiver.stats.duplicate > 10


def test_reordering_of_neighbours_loses_nothing(ear):
    sent = packets(seconds=10)
    ear.hear(carry(sent, reorder=0.05))
    assert ear.pcm == clean(sent)


def test_all_of_it_together(ear):
    sent = packets(seconds=30, fec=10)
    ear.hear(carry(sent, loss=0.05, jitter=0.1, reorder=0.05, duplicate=0.05))
    assert len(ear.frames) >= 0.98 * len(sent)
    assert ear.receiver.stats.late <= 0.01 * len(sent)


def test_never_stuck_after_a_loss(ear):
    sent = packets(seconds=6)
    ear.hear(carry(sent[:100] + sent[103:]))
    for (at, _), (left, _) in zip(ear.frames[110:], sent[110:], strict=False):
        assert at == pytest.approx(left + 0.05)


def test_fec_is_better_than_concealment_is_better_than_silence():
    sent = packets(seconds=10, fec=10)
    wanted = np.frombuffer(clean(sent), "<i2").astype(float)

    def error(prepare):
        ear = Ear()
        prepare(ear.receiver)
        ear.hear(carry(sent, loss=0.1))
        ear.receiver.close()
        heard = np.frombuffer(ear.pcm, "<i2").astype(float)
        size = min(len(heard), len(wanted))
        return np.sum((wanted[:size] - heard[:size]) ** 2)

    class Wrapped:
        def __init__(self, fec, conceal):
            self._inner, self._fec, self._conceal = FORMATS["opus"].decoder(RATE), fec, conceal
            self.decode, self.close = self._inner.decode, self._inner.close

        def recover(self, successor, ms):
            return self._inner.recover(successor, ms) if self._fec else None

        def conceal(self, ms):
            return self._inner.conceal(ms) if self._conceal else bytes(32 * ms)

    errors = [
        error(lambda receiver, kind=kind: receiver._decoders.update({111: Wrapped(*kind)}))
        for kind in ((True, True), (False, True), (False, False))
    ]
    assert errors[0] < errors[1] < errors[2]


# --- copies (RFC 2198) ------------------------------------------------------------------------------------------------


def folded(sent, levels=1):
    """Let each packet repeat the ``levels`` before it."""
    made, earlier = [], []
    for at, data in sent:
        packet = rtp.parse(data)
        whole = redundancy.serialise(111, packet.payload, packet.timestamp, earlier[-levels:])
        earlier.append((packet.timestamp, packet.payload))
        kind, payload = (111, packet.payload) if whole is None else (63, whole)
        made.append((at, rtp.serialise(kind, False, packet.sequence, packet.timestamp, 9, payload)))
    return made


@pytest.fixture
def red_ear():
    made = Ear(WITH_RED)
    yield made
    made.receiver.close()


def steady(seconds):
    """A voice that makes no pause, in which nobody would take a gap for one."""
    time = np.arange(RATE * seconds) / RATE
    return (np.sin(time * 900 + np.sin(time * 30) * 20) * 8000).astype("<i2").tobytes()


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_every_gap_that_a_packet_repeats_is_heard_as_if_it_had_come(red_ear, levels):
    sent = packets(steady(10))
    arrivals = [each for index, each in enumerate(folded(sent, levels)) if index == 0 or index % (levels + 1) == 0]
    red_ear.hear(arrivals)
    stats = red_ear.receiver.stats
    assert red_ear.pcm == clean(sent[: len(red_ear.frames)])
    assert len(red_ear.frames) >= len(sent) - levels
    assert (stats.lost, stats.concealed) == (0, 0)
    assert stats.recovered == stats.copied == len(red_ear.frames) - len(arrivals)


def test_a_copy_whose_time_was_filled_is_not_said_after_it(red_ear):
    sent = folded(packets(bytes(FRAME * 18) + steady(1)), 2)
    red_ear.hear(sent[:18] + [(at + 0.2, packet) for at, packet in sent[20:]])
    loud = [np.frombuffer(pcm, "<i2").astype(float).std() > 3000 for _, pcm in red_ear.frames]
    assert red_ear.receiver.stats.copied == 0
    assert 46 <= sum(loud) <= 48


def test_a_copy_is_heard_when_its_packet_comes_and_not_later(red_ear):
    sent = folded(packets(seconds=1))
    red_ear.hear(sent[:20] + sent[21:22])
    assert [at for at, _ in red_ear.frames[-2:]] == [sent[21][0]] * 2


@pytest.mark.parametrize("burst", [1, 3])
@pytest.mark.parametrize("loss", [0.1, 0.2])
def test_fewer_frames_are_made_up_with_copies(loss, burst):
    sent = packets(seconds=20, fec=20)
    made_up = []
    for terms, way in ((AGREED, sent), (WITH_RED, folded(sent)), (WITH_RED, folded(sent, 2))):
        ear = Ear(terms).hear(carry(way, loss=loss, burst=burst, seed=5))
        made_up.append(ear.receiver.stats.concealed)
        assert len(ear.frames) == pytest.approx(len(sent), abs=8)
        ear.receiver.close()
    assert made_up[0] > made_up[1] > made_up[2]


def test_reports_tell_what_the_network_lost_and_not_what_copies_made_good(red_ear):
    sent = folded(packets(seconds=2))
    red_ear.hear(carry(sent[:40] + [each for each in sent[40:] if each[1][3] % 5]))
    report = red_ear.receiver.report_block(13.0)
    assert red_ear.receiver.stats.lost == 0
    assert report.packets_lost == red_ear.receiver.stats.copied > 8


def test_reordering_and_duplicates_with_copies_keep_order_and_are_counted(red_ear):
    sent = packets(seconds=10)
    red_ear.hear(carry(folded(sent), reorder=0.05, duplicate=0.05))
    stats = red_ear.receiver.stats
    assert red_ear.pcm == clean(sent)
    assert stats.duplicate > 20
    assert red_ear.receiver.report_block(21.0).packets_lost == 0


def test_redundancy_that_was_not_agreed_is_unknown(ear):
    sent = folded(packets(seconds=0.2))
    ear.hear(sent)
    assert ear.receiver.stats.unknown == len(sent) - 1


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        (b"\xef", "malformed"),
        (b"\x6f", "malformed"),
        (b"\x3fxx", "unknown"),
        (b"\x7exx", "unknown"),
        (b"\xff" * 9, "malformed"),
    ],
)
def test_redundancy_that_cannot_be(red_ear, payload, count):
    sent = packets(seconds=0.4)
    at, _ = sent[10]
    red_ear.hear([*sent[:10], (at, rtp.serialise(63, False, 1010, 5000 + 9600, 9, payload)), *sent[11:]])
    stats = red_ear.receiver.stats
    assert getattr(stats, count) == 1
    assert (stats.received, stats.lost) == (19, 1)


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=60)), max_size=40))
def test_hostile_redundancy_never_raises_and_gives_exact_frames(hostile):
    ear = Ear(WITH_RED)
    for index, (number, payload) in enumerate(hostile):
        ear.receiver.rtp(rtp.serialise(63, False, number, number * 960, 9, payload), 10 + index * 0.02)
        ear.receiver.tick(10.01 + index * 0.02)
    assert {len(pcm) for _, pcm in ear.frames} <= {FRAME}
    ear.receiver.close()


# --- time ------------------------------------------------------------------------------------------------------------


def test_time_goes_on_in_frames_of_20_ms_when_nothing_comes(ear):
    sent = packets(seconds=1)
    ear.hear(carry(sent), until=14.0)
    stamps = [at for at, _ in ear.frames[50:]]
    assert np.allclose(np.diff(stamps), 0.02)
    assert len(ear.frames) == pytest.approx((14.0 - 10.05) / 0.02, abs=6)
    assert not any(ear.frames[50 + FADING][1])
    assert ear.receiver.stats.lost == 0


def test_a_pause_of_dtx_is_silence_of_its_own_length(ear):
    sent = packets(seconds=1)
    later = packets(seconds=1, start=1050, first=14.0, timestamp=5000 + 4 * 48000)
    ear.hear(carry(sent + later))
    assert len(ear.frames) == 250
    assert ear.receiver.stats.lost == 0
    assert ear.receiver.stats.silent >= 140


def test_after_a_dtx_packet_silence_follows_at_once(ear):
    ear.hear([*packets(seconds=0.2), (10.22, rtp.serialise(111, False, 1010, 5000 + 9600, 9, b"\x48"))], until=10.3)
    assert len(ear.frames) >= 13
    assert ear.receiver.stats.concealed == 0


def test_after_a_quiet_frame_silence_follows_as_soon_and_after_a_loud_one_later(ear):
    def made_up_by(ms, sent):
        ear = Ear()
        ear.hear(sent, until=sent[-1][0] + ms / 1000)
        ear.receiver.close()
        return len(ear.frames) - len(sent)

    hush = (np.random.default_rng(1).integers(-20, 21, 3200)).astype("<i2").tobytes()
    loud = (np.sin(np.arange(3200) * 0.2) * 8000).astype("<i2").tobytes()
    assert made_up_by(40, packets(hush)) == made_up_by(80, packets(loud)) == 0
    assert made_up_by(80, packets(hush)) >= 2
    assert made_up_by(120, packets(loud)) >= 1
    assert made_up_by(400, packets(hush)) == pytest.approx(20, abs=2)


@pytest.mark.parametrize("first", [10.0, 10.004, 10.011, 10.019])
def test_a_pause_of_dtx_is_less_than_a_tick_behind_a_pause_that_is_sent(first):
    hush = (np.random.default_rng(1).integers(-20, 21, 3200)).astype("<i2").tobytes()
    ear = Ear()
    ear.hear(packets(hush, first=first), until=first + 1.0)
    ear.receiver.close()
    late = [at - first - (index + 1) * 0.02 for index, (at, _) in enumerate(ear.frames)]
    assert len(late) > 40
    assert max(late[12:]) <= 0.021


def test_a_black_hole_of_five_seconds(ear):
    sent = packets(seconds=10)
    ear.hear(carry(sent[:100] + sent[350:]))
    assert len(ear.frames) == pytest.approx(500, abs=8)
    assert ear.receiver.stats.lost == 250
    back = [at for at, _ in ear.frames if at >= sent[350][0]]
    assert back[0] <= sent[350][0] + 0.1


def test_a_sender_that_stood_still_is_not_late_for_ever(ear):
    sent = packets(seconds=2)
    ear.hear(sent[:50] + [(at + 10, packet) for at, packet in sent[50:]])
    assert ear.receiver.stats.late <= 1
    assert len(ear.frames) >= 590


@pytest.mark.parametrize("longer", [0.12, 0.2, 0.35])
def test_a_path_that_got_longer_loses_nothing(ear, longer):
    sent = packets(seconds=2)
    ear.hear(sent[:50] + [(at + longer, packet) for at, packet in sent[50:]])
    stats = ear.receiver.stats
    assert stats.late == stats.lost == 0
    assert len(ear.frames) == 100 + stats.concealed + stats.silent


@pytest.mark.parametrize("back", [0.05, 0.2, 0.35])
def test_timestamps_that_step_back_a_little_are_late_until_they_catch_up(ear, back):
    later = packets(seconds=1, start=1050, first=11.0, timestamp=5000 + 48000 - int(back * 48000))
    ear.hear(packets(seconds=1) + later)
    assert ear.receiver.stats.late == pytest.approx(back / 0.02, abs=1)
    assert len(ear.frames) == pytest.approx(100 - back / 0.02, abs=1)


def test_timestamps_that_jump_begin_a_new_time_base(ear):
    sent = packets(seconds=1) + packets(seconds=1, start=1050, first=11.0, timestamp=0x90000000)
    ear.hear(carry(sent))
    assert len(ear.frames) == 100


def test_ticks_that_come_late_make_up_for_a_little_only(ear):
    ear.hear(packets(seconds=0.2))
    before = len(ear.frames)
    ear.receiver.tick(20.0)
    assert len(ear.frames) == before + 3
    ear.receiver.tick(20.02)
    assert len(ear.frames) == before + 4


def test_who_ticks_is_told_once_when_a_pause_that_has_begun_goes_on(ear):
    sent = packets(seconds=0.2)
    ear.hear(sent)
    last, told = sent[-1][0], []
    for index in range(20):
        now = last + 0.013 + index * 0.02
        told.append((now, ear.receiver.tick(now)))
    ((when, awaited),) = [each for each in told if each[1] is not None]
    assert when < awaited <= when + 0.02
    assert (awaited - last) / 0.02 == pytest.approx(round((awaited - last) / 0.02)), "when a packet would have come"


# --- other payloads --------------------------------------------------------------------------------------------------


def test_the_payload_type_may_change_among_the_agreed(ear):
    tone = (np.sin(np.arange(16000) * 0.2) * 8000).astype("<i2").tobytes()
    sent, sequence = packets(tone, seconds=1), 1050
    for kind, name in ((0, "pcmu"), (8, "pcma")):
        encoder = FORMATS[name].encoder(RATE, OpusSettings())
        for index in range(50):
            payload = encoder.encode(tone[index * FRAME : (index + 1) * FRAME])
            stamp = (sequence - 1000) * 160
            at = 10 + (sequence - 999) * 0.02
            sent.append((at, rtp.serialise(kind, False, sequence, stamp, 9, payload)))
            sequence += 1
    ear.hear(sent)
    assert len(ear.frames) == 150
    for start in (10, 60, 110):
        assert np.frombuffer(ear.frames[start][1], "<i2").std() > 3000


@pytest.mark.parametrize("noise", [b"\x46", b"\x46" + bytes(11), b"\x46" + bytes(40)])
def test_comfort_noise_of_g711_is_silence_of_its_own_length(noise):
    ear = Ear(Agreed("0", {0: PCMU, 13: CN}, PCMU, comfort_noise=CN))
    voice = [(index, 0, b"\x10" * 160) for index in range(10)]
    pause = [(index, 13, noise) for index in (10, 20, 30)]
    again = [(index, 0, b"\x10" * 160) for index in range(35, 45)]
    sent = [
        (10 + slot * 0.02, rtp.serialise(kind, False, number, slot * 160, 9, payload))
        for number, (slot, kind, payload) in enumerate(voice + pause + again)
    ]
    ear.hear(sent)
    stats = ear.receiver.stats
    loud = [any(pcm) for _, pcm in ear.frames]
    assert loud == [True] * 10 + [False] * 25 + [True] * 10
    assert (stats.malformed, stats.unknown, stats.lost, stats.concealed, stats.late) == (0, 0, 0, 0, 0)
    ear.receiver.close()


def event(sequence, timestamp, at, duration, end=False):
    payload = bytes((5, 0x80 if end else 0)) + duration.to_bytes(2, "big")
    return at, rtp.serialise(126, False, sequence, timestamp, 9, payload)


def test_keys_are_reported_once_and_the_sound_goes_on(ear):
    sent = packets(seconds=1)
    keys = [event(1050 + index, 53000, 11.02 + index * 0.02, 960 * (index + 1), index > 8) for index in range(11)]
    after = packets(seconds=1, start=1061, first=11.22, timestamp=53000 + 11 * 960)
    ear.hear(carry(sent + keys + after))
    assert ear.digits == [DigitPressed("5", 200)]
    assert len(ear.frames) == 111
    assert ear.receiver.stats.lost == 0


def test_a_key_whose_end_is_lost_is_reported_by_time(ear):
    ear.hear([*packets(seconds=0.2), event(1010, 53000, 10.3, 960)], until=11.0)
    assert ear.digits == [DigitPressed("5", 20)]


def test_what_does_not_decode_is_concealed_and_counted(ear):
    sent = packets(seconds=1)
    at, _ = sent[20]
    sent[20] = (at, rtp.serialise(111, False, 1020, 5000 + 20 * 960, 9, b"\x03"))
    ear.hear(sent)
    assert ear.receiver.stats.undecodable == 1
    assert len(ear.frames) == 50


def test_the_level_that_the_client_states(ear):
    assert ear.receiver.level is None
    ear.receiver.rtp(rtp.serialise(0, False, 1, 1, 9, bytes(160), rtp.extension({1: b"\xa8"})), 1.0)
    assert ear.receiver.level == -40


# --- streams and hostility -------------------------------------------------------------------------------------------


def test_a_new_ssrc_takes_over_only_from_a_quiet_one(ear):
    sent = packets(seconds=1)
    ear.hear(sent)
    payload = sent[-1][1][12:]
    for number in range(4):
        ear.receiver.rtp(rtp.serialise(111, False, number, number * 960, 10, payload), 11.01 + number * 0.02)
    assert ear.receiver.stats.streams == 1
    frames = len(ear.frames)
    for number in range(4, 10):
        ear.receiver.rtp(rtp.serialise(111, False, number, number * 960, 10, payload), 11.5 + number * 0.02)
    assert ear.receiver.stats.streams == 2
    assert len(ear.frames) == frames + 6


def test_what_is_news_is_beyond_all_that_came(ear):
    assert ear.receiver.ssrc is None
    sent = [packet for _, packet in packets(seconds=0.1, start=0xFFFE)]
    assert ear.receiver.news(sent[2])
    ear.receiver.rtp(sent[2], 10.0)
    assert [ear.receiver.news(packet) for packet in sent] == [False, False, False, True, True]
    assert ear.receiver.news(rtp.serialise(111, False, 0xFFFE, 0, 8, b"x"))
    assert ear.receiver.ssrc == 9


def test_the_announced_ssrc_takes_over_at_once():
    ear = Ear(Agreed("0", AGREED.codecs, OPUS, remote_ssrc=9))
    sent = packets(seconds=0.2)
    ear.receiver.rtp(rtp.serialise(111, False, 5, 5, 666, sent[0][1][12:]), 9.99)
    ear.hear(sent)
    assert ear.receiver.report_block(11.0).ssrc == 9
    assert len(ear.frames) == 11
    ear.receiver.close()


def test_a_flood_of_ssrcs_leaves_the_call_alone(ear):
    chance = random.Random(1)
    for at, packet in packets(seconds=1):
        ear.receiver.rtp(packet, at)
        for _ in range(20):
            ear.receiver.rtp(rtp.serialise(111, False, 1, 1, chance.getrandbits(32), b"\x48xx"), at)
    assert ear.receiver.stats.streams == 1
    assert len(ear.frames) == 50


@given(st.lists(st.tuples(st.binary(min_size=12, max_size=80), st.booleans()), max_size=40))
def test_hostile_packets_are_counted_and_never_raise(hostile):
    ear = Ear()
    for index, (data, proper) in enumerate(hostile):
        packet = b"\x80\x6f" + data[2:8] + b"\0\0\0\x09" + data[12:] if proper else data
        ear.receiver.rtp(packet, 10 + index * 0.02)
        ear.receiver.tick(10.01 + index * 0.02)
    assert {len(pcm) for _, pcm in ear.frames} <= {FRAME}
    ear.receiver.close()


# --- reports ---------------------------------------------------------------------------------------------------------


def test_reports_on_the_stream_it_hears(ear):
    assert ear.receiver.report_block(1.0) is None
    sent = packets(seconds=2)
    ear.hear(carry(sent[:50] + sent[60:]))
    info = RtcpSenderInfo(rtcp.ntp(500.0), 0, 0, 0)
    ear.receiver.sender_report(RtcpSrPacket(9, info), 12.0)
    ear.receiver.sender_report(RtcpSrPacket(8, RtcpSenderInfo(1, 0, 0, 0)), 12.0)
    report = ear.receiver.report_block(12.5)
    assert (report.ssrc, report.packets_lost, report.highest_sequence) == (9, 10, 0x10000 + 1099)
    assert report.fraction_lost == 10 * 256 // 100
    assert (report.lsr, report.dlsr) == (rtcp.middle(rtcp.ntp(500.0)), 32768)


def test_a_re_offer_keeps_the_stream(ear):
    sent = packets(seconds=1)
    ear.hear(sent[:25])
    ear.receiver.renew(AGREED)
    ear.hear(sent[25:])
    assert len(ear.frames) == 50
    assert ear.receiver.stats.streams == 1


def test_what_cannot_be_decoded_after_a_long_packet_of_another_codec_is_silence(ear):
    ear.receiver.rtp(rtp.serialise(111, False, 1, 0, 9, b"\x08" + bytes(20)), 10.0)
    ear.receiver.rtp(rtp.serialise(0, False, 2, 160, 9, b"\x10" * 1200), 10.02)  # 150 ms
    ear.receiver.rtp(rtp.serialise(111, False, 3, 1440, 9, b"\xff\xff\xff"), 10.17)
    assert ear.receiver.stats.undecodable == 1
    assert sum(len(pcm) for _, pcm in ear.frames) <= (20 + 150 + 150) * 32
    assert not any(ear.frames[-1][1])


def test_a_frame_is_given_with_its_packet_where_packets_are_kept():
    sent = packets(seconds=1)
    del sent[20]  # lost
    made = Ear(keep=True)
    made.hear(carry(sent))
    frames = [pcm for _, pcm in made.frames]
    with_packet = [frame for frame in frames if isinstance(frame, Coded)]
    assert [frame.opus for frame in with_packet] == [rtp.parse(packet).payload for _, packet in sent]
    assert [at for at, frame in enumerate(frames) if not isinstance(frame, Coded)] == [20]
    plain = Ear().hear(carry(sent))
    assert made.pcm == plain.pcm
    assert not any(isinstance(pcm, Coded) for _, pcm in plain.frames)
    for ear in (made, plain):
        ear.receiver.close()


@pytest.mark.parametrize("ms", [10, 60])
def test_packets_of_another_length_are_not_kept(ms):
    made = Ear(keep=True).hear(carry(packets(seconds=1, ms=ms)))
    assert len(made.frames) >= 48
    assert not any(isinstance(pcm, Coded) for _, pcm in made.frames)
    made.receiver.close()
