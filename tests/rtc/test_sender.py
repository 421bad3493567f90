from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.audio import opus
from mediaserver.audio.packets import HUSH, LEAD, Packet, decoded, encoding
from mediaserver.rtc import redundancy, rtcp, rtp
from mediaserver.rtc.codecs import Agreed, Codec
from mediaserver.rtc.formats import DECODERS
from mediaserver.rtc.sender import NOISE, TAIL, AudioSender, Voice, level, opus_settings
from tests.clips import clip

RATE = 16000
FRAME = 640


RED = Codec("red", 63, 48000, 2, {"111/111": ""})
CN = Codec("cn", 13, 8000)


def agreed(name="opus", clock=48000, *, level_id=None, mid_id=None, ptime=20, red=None, noise=None, **parameters):
    codec = Codec(name, 111, clock, parameters=parameters)
    return Agreed(
        "audio0",
        {111: codec},
        codec,
        ptime_ms=ptime,
        level_id=level_id,
        mid_id=mid_id,
        redundancy=red,
        comfort_noise=noise,
    )


@pytest.fixture
def made():
    senders = []

    def make(terms=None, **options):
        senders.append(AudioSender(terms or agreed(), RATE, ssrc=77, cname="us", **options))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close()


def noise(seed=1, loud=3000):
    return np.random.default_rng(seed).integers(-loud, loud, 320).astype("<i2").tobytes()


_NEXT = WeakKeyDictionary()


def passed(sender):
    """Count the frames of a sender: time goes on from one run to the next."""
    _NEXT[sender] = _NEXT.get(sender, 0) + 1
    return _NEXT[sender]


def run(sender, script):
    """One letter a frame: s speech, 0 zeros, - nothing; returns the packet of each, parsed."""
    frames = {"s": noise(), "0": bytes(FRAME), "-": None}
    packets = [sender.packet(frames[letter], 10 + passed(sender) * 0.02) for letter in script]
    return [rtp.parse(packet) if packet is not None else None for packet in packets]


def test_sequence_counts_packets_and_timestamps_count_time(made):
    packets = run(made(), "sss" + "-" * 10 + "ss")
    sent = [(index, packet) for index, packet in enumerate(packets) if packet]
    assert [index for index, _ in sent] == [
        0,
        1,
        2,
        3,
        *range(4, 4 + TAIL),
        13,
        14,
    ]  # 3 lets the encoder's last samples out
    first = sent[0][1]
    for number, (index, packet) in enumerate(sent):
        assert packet.sequence == first.sequence + number & 0xFFFF
        assert packet.timestamp == first.timestamp + index * 960 & 0xFFFFFFFF
        assert packet.marker == (index in (0, 13))
        assert packet.ssrc == 77


def test_silence_is_a_comfort_packet_each_400_ms_and_zeros_are_silence(made):
    for script in ("s" + "-" * 80, "s" + "0" * 80):
        packets = run(made(), script)
        comfort = [index for index, packet in enumerate(packets) if packet and len(packet.payload) == 1]
        # First what pushes the word out of the far end's buffer, then what keeps the path open.
        assert comfort == [*range(2, 2 + TAIL), 26, 46, 66]
        assert not any(packets[index].marker for index in comfort)


def test_the_first_packet_opens_the_path_even_in_silence(made):
    sender = made()
    assert len(run(sender, "-")[0].payload) == 1
    assert sender.stats.comfort == 1


@pytest.mark.parametrize(("name", "clock", "size"), [("pcmu", 8000, 160), ("pcma", 8000, 160), ("g722", 8000, 160)])
def test_other_codecs(made, name, clock, size):
    packets = run(made(agreed(name, clock)), "ss" + "-" * 20)
    assert [len(packet.payload) for packet in packets if packet] == [size] * (2 + TAIL)
    assert packets[1].timestamp - packets[0].timestamp & 0xFFFFFFFF == 160
    assert packets[2 + TAIL] is None


@pytest.mark.parametrize("ptime", [40, 60])
def test_longer_packets_collect_frames_and_never_clip_the_last(made, ptime):
    bundle = ptime // 20
    packets = run(made(agreed(ptime=ptime)), "s" * (bundle + 1) + "-" * 10)
    sent = [(index, packet) for index, packet in enumerate(packets) if packet]
    assert [index for index, _ in sent[:2]] == [bundle - 1, 2 * bundle - 1]
    assert all(after - before == bundle for (before, _), (after, _) in pairwise(sent[2:]))
    assert sent[1][1].timestamp - sent[0][1].timestamp & 0xFFFFFFFF == 960 * bundle
    decoder = opus.OpusDecoder(RATE)
    assert all(len(decoder.decode(packet.payload)) == FRAME * bundle for _, packet in sent[:2])
    decoder.close()


def test_what_the_far_end_asks_for_within_our_limits():
    ask = {"maxaveragebitrate": "20000", "usedtx": "1", "useinbandfec": "1", "cbr": "1", "maxplaybackrate": "16000"}
    settings = opus_settings(ask, 32000, 5)
    assert (settings.bitrate, settings.max_rate) == (20000, 16000)
    assert settings.dtx and settings.fec and settings.cbr
    for text in ("99999999", "-5", "x", "", "²", "9" * 5000):
        assert opus_settings({"maxaveragebitrate": text}, 32000, 5).bitrate == 32000
    assert opus_settings({"maxaveragebitrate": "1"}, 32000, 5).bitrate == 6000
    plain = opus_settings({}, 32000, 5)
    assert not (plain.dtx or plain.fec or plain.cbr)


def test_dtx_is_only_used_when_asked_for(made):
    hush = [np.random.default_rng(seed).integers(-2, 2, 320).astype("<i2").tobytes() for seed in range(100)]
    for parameters, few in (({}, False), ({"usedtx": "1"}, True)):
        sender = made(agreed(**parameters))
        sent = sum(sender.packet(frame, 0.0) is not None for frame in hush)
        assert (sent < 50) is few


def block(lost=0.0, **values):
    zero = dict.fromkeys(RtcpReceiverInfo.__dataclass_fields__, 0)
    return RtcpReceiverInfo(**{**zero, "ssrc": 77, "fraction_lost": int(lost * 256), **values})


def fec_share(sender):
    pcm = clip("numbers").pcm
    packets = [sender.packet(pcm[start : start + FRAME], 0.0) for start in range(0, len(pcm) - FRAME, FRAME)]
    return sum(opus.carries_fec(rtp.parse(packet).payload) for packet in packets if packet) / len(packets)


def test_reported_loss_turns_fec_on_and_its_absence_off(made):
    sender = made(agreed(useinbandfec="1"))
    assert fec_share(sender) == 0
    sender.receiver_report(block(0.1), 1.0)
    assert fec_share(sender) > 0.2
    assert sender.stats.loss == pytest.approx(0.1, abs=0.01)
    for _ in range(20):
        run(sender, "s" * 10)
        sender.receiver_report(block(), 1.0)
    assert fec_share(sender) < 0.01  # one copy was on its way


def test_without_useinbandfec_there_is_none(made):
    sender = made()
    run(sender, "s" * 10)
    sender.receiver_report(block(0.2), 1.0)
    assert fec_share(sender) == 0


def size_of(sender):
    pcm = clip("numbers").pcm
    packets = [sender.packet(pcm[start : start + FRAME], 0.0) for start in range(0, len(pcm) - FRAME, FRAME)]
    return sum(len(rtp.parse(packet).payload) for packet in packets if packet)


def test_fec_does_not_eat_the_voice_where_the_far_end_takes_more(made):
    sizes = {}
    for most in ("128000", "32000"):
        sender = made(agreed(useinbandfec="1", maxaveragebitrate=most))
        before = size_of(sender)
        sender.receiver_report(block(0.12), 1.0)
        sizes[most] = size_of(sender) / before
    assert 1.3 < sizes["128000"] < 1.6
    assert sizes["32000"] == pytest.approx(1.0, abs=0.05)


def test_without_loss_redundancy_changes_no_byte(made):
    def stream(terms):
        sender = made(terms)
        return [packet.payload for packet in run(sender, "s" * 10 + "-" * 30) if packet]

    assert stream(agreed(red=RED)) == stream(agreed())


@pytest.mark.parametrize(("loss", "copies"), [(0.05, 1), (0.2, 2)])
@pytest.mark.parametrize("ptime", [20, 60])
def test_under_loss_each_packet_repeats_the_ones_before(made, ptime, loss, copies):
    sender = made(agreed(red=RED, ptime=ptime))
    run(sender, "s" * ptime)
    sender.receiver_report(block(loss), 1.0)
    sent = [packet for packet in run(sender, "s" * ptime) if packet]
    unfolded = [redundancy.parse(packet.payload) for packet in sent[1:]]
    assert {packet.payload_type for packet in sent[1:]} == {63}
    assert sent[0].payload_type == 111  # nothing was kept for it
    own = [sent[0].payload, *(blocks[-1].payload for blocks in unfolded)]
    for number, blocks in enumerate(unfolded[copies:], 1 + copies):
        assert [block.payload for block in blocks] == own[number - copies : number + 1]
        assert [block.offset for block in blocks] == [48 * ptime * back for back in range(copies, -1, -1)]
        assert {block.payload_type for block in blocks} == {111}
    assert sender.stats.copies == len(unfolded)


def test_the_last_of_a_word_is_repeated_and_a_pause_is_longer_than_a_copy_lasts(made):
    sender = made(agreed(red=RED))
    run(sender, "s" * 20)
    sender.receiver_report(block(0.05), 1.0)
    sent = [packet for packet in run(sender, "sss" + "-" * 48 + "s") if packet]
    word, tail, alive, again = sent[:4], sent[4 : 4 + TAIL], sent[4 + TAIL : -1], sent[-1]
    last = redundancy.parse(word[-1].payload)[-1]
    assert redundancy.parse(tail[0].payload)[0] == redundancy.Block(111, 960, last.payload)
    assert [len(packet.payload) for packet in alive] == [1, 1]
    assert len(redundancy.parse(again.payload)) == 2  # 60 ms after the last sign of life


def test_copies_end_when_the_loss_has_stayed_away(made):
    sender = made(agreed(red=RED))
    run(sender, "s" * 20)
    sender.receiver_report(block(0.05), 1.0)
    for second in range(2, 40):
        run(sender, "s" * 20)
        sender.receiver_report(block(), second)
    assert {packet.payload_type for packet in run(sender, "s" * 5)} == {111}
    assert 10 * 20 < sender.stats.copies < 30 * 20


def test_a_re_offer_without_redundancy_ends_it(made):
    sender = made(agreed(red=RED))
    run(sender, "s" * 20)
    sender.receiver_report(block(0.2), 1.0)
    assert run(sender, "sss")[-1].payload_type == 63
    sender.renew(agreed())
    assert {packet.payload_type for packet in run(sender, "s" * 5)} == {111}


@pytest.mark.parametrize("name", ["pcmu", "pcma"])
def test_pauses_of_g711_are_comfort_noise_where_that_is_agreed(made, name):
    sent = [packet for packet in run(made(agreed(name, 8000, noise=CN)), "ss" + "-" * 40 + "s") if packet]
    speech, pause, again = sent[:2], sent[2:-1], sent[-1]
    assert [(packet.payload_type, len(packet.payload)) for packet in (*speech, again)] == [(111, 160)] * 3
    assert {(packet.payload_type, packet.payload, packet.marker) for packet in pause} == {(13, NOISE, False)}
    assert len(pause) == TAIL + 1
    assert again.marker


def test_reports_on_others_are_not_ours(made):
    sender = made()
    sender.receiver_report(block(0.5, ssrc=1), 1.0)
    assert sender.stats.loss == 0


def test_sender_reports_and_round_trip(made):
    sender = made()
    (empty, _) = rtcp.parse(sender.sender_report(5.0))
    assert isinstance(empty, RtcpRrPacket)
    last = run(sender, "ss")[-1]
    report, names = rtcp.parse(sender.sender_report(5.0, block(0.5)))
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.packet_count == 2
    assert report.sender_info.rtp_timestamp == last.timestamp + 960 & 0xFFFFFFFF
    assert report.reports[0].fraction_lost == 128
    assert names.chunks[0].items == [(1, b"us")]
    seen = block(lsr=rtcp.middle(report.sender_info.ntp_timestamp), dlsr=65536)
    sender.receiver_report(seen, 6.05)
    assert sender.stats.rtt_ms == pytest.approx(50, abs=1)


def test_header_extensions_name_the_line_until_the_far_end_knows_us(made):
    sender = made(agreed(level_id=1, mid_id=4))
    loud = run(sender, "s")[0]
    assert rtp.element(loud, 4) == b"audio0"
    assert rtp.level(loud, 1) == level(noise())
    sender.receiver_report(block(), 1.0)
    assert rtp.element(run(sender, "s")[0], 4) is None
    only = made(agreed(mid_id=4))
    assert rtp.element(run(only, "s")[0], 4) == b"audio0"
    only.receiver_report(block(), 1.0)
    assert run(only, "s")[0].extensions == b""


def test_level_of_sound():
    full = (np.sin(np.arange(320) * np.pi / 8) * 32767).astype("<i2").tobytes()
    assert (level(bytes(FRAME)), level(full)) == (-127, -3)


def test_a_re_offer_changes_the_codec_and_continues_the_stream(made):
    sender = made()
    before = run(sender, "sss")[-1]
    sender.renew(agreed("pcmu", 8000))
    after = run(sender, "s")[0]
    assert (after.ssrc, after.sequence) == (before.ssrc, before.sequence + 1 & 0xFFFF)
    assert (after.marker, len(after.payload)) == (True, 160)


def test_another_rate_continues_the_stream(made):
    sender = made()
    before = run(sender, "s")[0]
    sender.renew(agreed(), 24000)
    pcm = np.random.default_rng(1).integers(-3000, 3000, 480).astype("<i2").tobytes()
    after = rtp.parse(sender.packet(pcm, 10.02))
    assert after.timestamp == before.timestamp + 960 & 0xFFFFFFFF
    assert sender.packet(bytes(960), 10.04) is not None  # the last of the word
    assert len(rtp.parse(sender.packet(bytes(960), 10.06)).payload) == 1


def test_the_effort_may_change_in_mid_call_and_what_is_sent_stays_speech(made):
    def payloads(change):
        voice = Voice()
        sender = made(voice=voice)
        for index in range(50):
            if index == 25:
                voice.complexity = change
            yield rtp.parse(sender.packet(noise(index), index * 0.02)).payload

    same, eased = list(payloads(5)), list(payloads(0))
    assert same[:25] == eased[:25]
    assert same[26:] != eased[26:]
    decoder = opus.OpusDecoder(RATE)
    heard = [decoder.decode(payload) for payload in eased]
    decoder.close()
    assert {len(pcm) for pcm in heard} == {FRAME}


# --- ready-made packets -----------------------------------------------------------------------------------------------


def ready(name="librivox_0870"):
    return [*encoding(clip(name).pcm, RATE, opus.OpusSettings())]


def sent(sender, frames):
    packets = [sender.packet(frame, 10 + passed(sender) * 0.02) for frame in frames]
    return [rtp.parse(packet) if packet is not None else None for packet in packets]


@pytest.mark.parametrize("left_out", [0, 1, 2, 3, 100])
def test_time_goes_on_where_the_clock_leaves_frames_out(made, left_out):
    sender, frames = made(), [*range(10), *range(10 + left_out, 15 + left_out)]
    told = [rtp.parse(sender.packet(noise(), 10 + index * 0.02)) for index in frames]
    steps = np.diff([packet.timestamp for packet in told]) % 2**32
    assert steps.tolist() == (np.diff(frames) * 960).tolist()


def test_another_place_within_the_20_ms_is_no_frame_left_out(made):
    sender = made()
    moved = [10.0, 10.02, 10.0575, 10.0775, 10.08, 10.1, 10.1175]
    told = [rtp.parse(sender.packet(noise(), due)) for due in moved]
    assert set((np.diff([packet.timestamp for packet in told]) % 2**32).tolist()) == {960}


def timestamps(sender, script):
    """``script``: a letter of :func:`run` and when it is due, in ms."""
    frames = {"s": noise(), "-": None}
    packets = {due: sender.packet(frames[letter], 10 + due / 1000) for letter, due in script}
    return {due: rtp.parse(packet).timestamp for due, packet in packets.items() if packet is not None}


def between(told, one, other):
    return (told[other] - told[one]) % 2**32 / 48


def test_a_frame_that_comes_sooner_after_a_silence_says_so(made):
    spurt = [("s", 0), *(("-", 20 * n) for n in range(1, 11))]
    told = timestamps(
        made(), [*spurt, ("s", 212.5), ("s", 232.5), *(("-", 232.5 + 20 * n) for n in range(1, 11)), ("s", 435)]
    )
    assert [between(told, 0, due) for due in (212.5, 232.5, 435)] == [212.5, 232.5, 435]


def test_a_frame_that_comes_sooner_after_another_is_told_20_ms_later_until_there_is_a_silence(made):
    told = timestamps(
        made(), [("s", 0), ("s", 7.5), ("s", 27.5), *(("-", 27.5 + 20 * n) for n in range(1, 11)), ("s", 247.5)]
    )
    assert [between(told, 0, due) for due in (7.5, 27.5, 247.5)] == [20, 40, 247.5]


@given(st.lists(st.tuples(st.sampled_from("s-"), st.integers(1, 8)), min_size=20, max_size=80))
def test_packets_never_overlap_however_the_clock_moves(script):
    sender = AudioSender(agreed(), RATE, ssrc=77, cname="us")
    due, frames = 0.0, []
    for letter, steps in script:
        due += steps * 2.5
        frames.append((letter, due))
    told = [*timestamps(sender, frames).values()]
    assert all((after - before) % 2**32 >= 960 for before, after in pairwise(told))
    sender.close()


def test_ready_made_packets_are_sent_as_they_are(made, monkeypatch):
    sender, packets = made(), ready()[30:40]
    monkeypatch.setattr(opus.OpusEncoder, "encode", lambda *_: pytest.fail("encoded"))
    assert sender.passes
    told = sent(sender, [*packets, *[None] * 10])
    assert [packet.payload for packet in told[:10]] == [packet.opus for packet in packets]
    assert [packet.marker for packet in told[:10]] == [True] + [False] * 9
    assert [packet.sequence - told[0].sequence & 0xFFFF for packet in told[:10]] == [*range(10)]
    assert [packet.timestamp - told[0].timestamp & 0xFFFFFFFF for packet in told[:10]] == [*range(0, 9600, 960)]
    assert told[0].payload_type == 111
    comfort = [packet.payload for packet in told[10:] if packet]
    assert comfort == [HUSH.opus] + [HUSH.opus[:1]] * TAIL
    assert sender.stats.packets == 11 + TAIL


def test_a_ready_made_packet_says_how_loud_it_is(made):
    (packet,) = sent(made(agreed(level_id=1)), [Packet(ready()[30].opus, -23.4)])
    assert rtp.level(packet, 1) == -23


@pytest.mark.parametrize(
    "terms",
    [
        agreed("pcmu", 8000),
        agreed(ptime=40),
        agreed(cbr="1"),
        agreed(maxaveragebitrate="16000"),
    ],
    ids=["another codec", "longer packets", "a constant rate", "a lower rate"],
)
def test_who_cannot_take_them_hears_the_same(made, terms):
    sender, packets = made(terms), ready()
    assert not sender.passes
    told = [packet for packet in sent(sender, packets) if packet]
    assert {packet.payload for packet in told}.isdisjoint(packet.opus for packet in packets)
    decoder = DECODERS[terms.send.name](RATE)
    heard = b"".join(decoder.decode(packet.payload) for packet in told)
    decoder.close()
    said = clip("librivox_0870").pcm
    levels = [np.array([level(one[at : at + FRAME]) for at in range(0, 120 * FRAME, FRAME)]) for one in (said, heard)]
    assert np.corrcoef(np.maximum(levels[0], -60), np.maximum(levels[1], -60))[0, 1] > 0.8


def roughness(pcm):
    return np.abs(np.diff(np.frombuffer(pcm, "<i2").astype(float), 2)).max(initial=0)


def faded(pcm):
    samples = np.frombuffer(pcm, "<i2")[:80]
    return (samples * np.linspace(1, 0, 80)).astype("<i2").tobytes() + bytes(FRAME - 160)


def test_our_encoder_goes_on_after_packets_without_a_click(made):
    packets = ready()
    loud = [at for at in range(10, len(packets) - 2) if min(packets[at].level, packets[at - 1].level) > -25]
    for cut in loud[::4]:
        sender = made()
        sent(sender, [clip("numbers").pcm[at * FRAME : (at + 1) * FRAME] for at in range(30, 40)])  # a state of its own
        fade = faded(decoded(packets[cut - LEAD : cut], packets[cut : cut + 1], RATE))
        told = sent(sender, [*packets[:cut], fade, *[None] * 8])
        far = opus.OpusDecoder(48000)
        heard = [far.decode(packet.payload) for packet in told if packet]
        far.close()
        assert roughness(b"".join(heard[cut - 1 :])) <= 1.2 * max(map(roughness, heard[cut - 5 : cut]))
        assert level(heard[cut + 1]) < level(heard[cut]) - 3
        assert level(heard[cut + 2]) == -127


def test_packets_go_on_after_a_silence_without_a_click(made):
    packets = ready()
    loud = [at for at in range(10, len(packets) - 6) if min(packets[at].level, packets[at - 1].level) > -25]
    for cut in loud[::4]:
        told = sent(made(), [*packets[:cut], *[None] * 20, *packets[cut : cut + 5]])
        far, whole = opus.OpusDecoder(48000), opus.OpusDecoder(48000)
        heard = [far.decode(packet.payload) for packet in told if packet][-5:]
        right = [whole.decode(packet.opus) for packet in packets[: cut + 5]][-5:]
        assert roughness(b"".join(heard)) <= 1.5 * max(map(roughness, right))  # a click is ten times as rough
        far.close()
        whole.close()


def test_after_packets_the_next_sound_is_encoded_afresh(made):
    sender, other = made(), made()
    sender._sequence = other._sequence = 0
    sender._timestamp, other._timestamp = 0, 0
    said = [clip("numbers").pcm[at * FRAME : (at + 1) * FRAME] for at in range(30, 35)]
    sent(sender, said)
    sent(sender, [*ready()[30:40], *[None] * 30])
    assert [packet.payload for packet in sent(sender, said)] == [packet.payload for packet in sent(other, said)]


def test_under_loss_ready_made_packets_are_repeated_like_ours(made):
    sender, packets = made(agreed(red=RED)), ready()[30:40]
    sent(sender, ready()[10:30])  # a report on nothing says nothing
    sender.receiver_report(block(0.05), 1.0)
    told = sent(sender, packets)
    assert told[0].payload == packets[0].opus
    for number in range(1, 10):
        blocks = redundancy.parse(told[number].payload)
        assert [each.payload for each in blocks] == [packets[number - 1].opus, packets[number].opus]
