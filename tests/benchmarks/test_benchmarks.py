"""The measuring instruments: a perfect mirror measures zero, and the rule of the ladder is the written one."""

import argparse
import base64
import subprocess
import sys
import time

import pytest

from benchmarks import quiet, relay, servers, sessions_per_core
from benchmarks.added_latency import row
from benchmarks.floor import DATAGRAM, DECODE, DECODE_CALL, ENCODE, ENCODE_CALL, PROTECT, UNPROTECT, Floor
from benchmarks.generator import Result, Speaker
from benchmarks.overhead import Loudspeaker
from benchmarks.peers.environment import ROOT, Environment
from benchmarks.peers.lean_realtime import MAGIC, STAMP, stamped
from benchmarks.servers import FRESH, OURS, RELAY, measure, table
from benchmarks.sessions_per_core import Ladder, passes
from benchmarks.sound import FRAME, LOOP, RATE, bursts, encoded


class Mirror:
    """Stands in for a caller whose far end returns each packet after exactly so many seconds."""

    def __init__(self, delay: float) -> None:
        self.packets = []
        self.delay = delay
        self.now = 0.0

    def send(self, payload: bytes) -> None:
        from benchmarks.client import Packet

        self.packets.append(Packet(self.now + self.delay, len(self.packets), len(self.packets) * FRAME, payload))


@pytest.mark.parametrize("delay", [0.0, 0.035, 1.5])
def test_a_perfect_mirror_measures_its_delay(delay):
    from benchmarks.sound import Ear

    packets = encoded()
    mirror = Mirror(delay)
    speaker = Speaker(mirror, Ear(), 0, packets, bursts(packets))
    for index in range(2 * LOOP):
        mirror.now = index * FRAME / RATE
        speaker.speak(mirror.now)
        speaker.listen()
    assert speaker.sent_bursts == 8
    assert len(speaker.round_trips) == 8
    assert all(value == pytest.approx(delay * 1000, abs=3) for value in speaker.round_trips)


def result(**changes) -> Result:
    plain = {
        "calls": 4, "connected": 4, "rtt": [20.0, 21.0, 22.0], "sent_bursts": 3, "lost_pct": 0.2, "late_pct": 0.2,
        "lateness_p99_ms": 4.0,
        "cpu_pct": 40.0, "rss_mb": 100.0, "threads": 6, "generator_pct": 10.0, "foreign_pct": 2.0,
    }  # fmt: skip
    return Result(**plain | changes)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, True),
        ({"connected": 3}, False),
        ({"lost_pct": 0.9}, False),
        ({"rtt": [20.0, 130.0]}, False),
        ({"rtt": []}, False),
    ],
)
def test_the_rule(changes, verdict):
    assert passes(result(**changes), unloaded_ms=20.0) is verdict


def test_the_capacity_is_the_largest_number_that_passed_every_round():
    ladder = Ladder(OURS)
    ladder.runs |= {2: [True, True], 4: [True, True], 6: [True, False], 8: [True, True]}
    assert ladder.capacity == 4


def test_who_gives_no_sound_back_is_not_counted(monkeypatch, capsys):
    heard = {OURS: [20.0], RELAY: []}
    monkeypatch.setattr(
        sessions_per_core, "undisturbed", lambda who, calls, *_: result(calls=calls, connected=calls, rtt=heard[who])
    )
    args = argparse.Namespace(seconds=1.0, tries=1, rounds=2, counts=(2, 4))
    ladders = sessions_per_core.climbed([OURS, RELAY], args)
    assert [ladder.contestant for ladder in ladders] == [OURS]
    assert "aiortc-relay gave no sound back" in capsys.readouterr().err
    floor = Floor({name: [10.0] for name in (DECODE, ENCODE, PROTECT, UNPROTECT, DATAGRAM, DECODE_CALL, ENCODE_CALL)})
    assert sessions_per_core.rows(ladders, floor)[0][:4] == ["ours", "4", "1.0", "1 %"]


def chosen(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    servers.add_choice(parser)
    return [each.name for each in servers.chosen(parser.parse_args(words))]


def test_who_is_compared_can_be_chosen_and_nothing_needs_to_be_installed(monkeypatch):
    assert chosen("--alone") == ["ours", "aiortc-relay", "aiortc-fresh"]
    monkeypatch.setattr(Environment, "command", lambda *_: "python")
    assert chosen("--only", "pipecat,ours") == ["ours", "pipecat"]
    with pytest.raises(SystemExit, match="nobody is called pipcat"):
        chosen("--only", "pipcat")


def test_a_peer_that_cannot_be_installed_is_named(monkeypatch):
    def refuse(*_: object) -> str:
        raise subprocess.SubprocessError("no network")

    monkeypatch.setattr(Environment, "command", refuse)
    with pytest.raises(SystemExit, match="fastrtc could not be installed"):
        chosen()


def test_a_disturbed_ladder_step_is_repeated(monkeypatch):
    loads = [90.0, 5.0, 70.0]
    monkeypatch.setattr(servers, "measure", lambda *_: result(foreign_pct=loads.pop(0)))
    assert servers.undisturbed(OURS, 4, 1.0, 3).foreign_pct == 5.0


def test_tables():
    assert table(("a", "b"), [("x", "1")]).splitlines() == ["| a | b |", "| --- | --: |", "| x | 1 |"]
    assert row("ours", [result(), result()])[:2] == ["ours", "21.0 ms"]


@pytest.mark.parametrize("contestant", [OURS, RELAY, FRESH], ids=lambda each: each.name)
def test_every_contestant_can_be_measured(contestant):
    for _ in range(3):  # a machine that is busy elsewhere may swallow a second and a half whole
        measured = measure(contestant, 2, 1.5)
        if measured.rtt:
            break
    assert measured.connected == 2
    assert measured.rtt, "no burst came back"
    assert 0 < measured.rtt[0] < 1500


def framed(number: int, sent: float, *times: float) -> bytes:
    return STAMP.pack(MAGIC, number, sent, *(times or (0.0, 0.0))) + bytes(relay.FRAME_BYTES - STAMP.size)


def test_the_provider_writes_its_times_into_a_frame_and_leaves_the_rest():
    frame = framed(7, 1.5)
    back = base64.b64decode(stamped(base64.b64encode(frame).decode(), 2.5))
    magic, number, sent, heard, told = STAMP.unpack_from(back)
    assert (magic, number, sent, heard) == (MAGIC, 7, 1.5, 2.5)
    assert told > 0
    assert back[STAMP.size :] == frame[STAMP.size :]


@pytest.mark.parametrize("pcm", [b"", MAGIC, bytes(960), b"BENx" * 3])
def test_the_provider_leaves_other_sound_as_it_is(pcm):
    sound = base64.b64encode(pcm).decode()
    assert stamped(sound, 2.5) == sound


def test_each_way_is_measured_alone_and_the_warm_up_is_not():
    taken = relay.Taken()
    taken.take(framed(1, 9.0, 9.1, 9.2) + framed(2, 10.0, 10.002, 10.003), got=10.007, since=10.0)
    assert taken.up == [pytest.approx(2.0)]
    assert taken.down == [pytest.approx(4.0)]
    assert taken.both == [pytest.approx(6.0)]


def test_what_is_added_is_over_the_floor():
    server = relay.Server("ours", "", "", 1)
    floor = relay.Taken([1.0, 1.0], [2.0, 2.0], 2, [0.0])
    cells = relay.row(server, 1, relay.Taken([2.0, 2.0], [4.0, 4.0], 4, [1.0, 3.0, 2.0]), floor)
    assert cells == ["ours", "1", "2", "50.0 %", "2.00 / 2.00", "4.00 / 4.00", "+3.00 / +3.00", "2.00", "0 %"]


def test_a_delta_is_played_when_its_first_sample_has_left():
    speaker = Loudspeaker()
    speaker.push(960, 1.0, 1.1)
    speaker.push(960, 2.0, 2.1)
    assert speaker.played(0) == []
    assert speaker.played(960) == [(1.0, 1.1)]
    assert speaker.played(962) == [(2.0, 2.1)]


def test_what_others_use_is_told_from_our_own(monkeypatch):
    busy, own = iter([100.0, 103.0]), iter([40.0, 41.0])
    monkeypatch.setattr(quiet, "_busy_s", lambda: next(busy))
    monkeypatch.setattr(quiet, "_own_s", lambda *_: next(own))
    foreign = quiet.Foreign()
    foreign._at = time.perf_counter() - 4.0
    assert foreign.pct() == pytest.approx(50.0, abs=1.0), "2 s of the 3 s were others', in 4 s"


def test_our_own_use_is_counted():
    before, end = quiet._own_s(), time.process_time() + 0.5
    while time.process_time() < end:
        pass
    assert quiet._own_s() - before >= 0.4


async def test_a_disturbed_run_is_repeated_and_the_last_try_counts(monkeypatch):
    loads = [90.0, 80.0, 5.0, 70.0]

    async def measure(*_: object) -> relay.Taken:
        return relay.Taken(foreign=loads.pop(0))

    monkeypatch.setattr(relay, "measure", measure)
    assert (await relay.undisturbed(relay.Server("ours", "", "", 1), 1, 1.0)).foreign == 5.0
    monkeypatch.setattr(quiet, "TRIES", 1)
    assert (await relay.undisturbed(relay.Server("ours", "", "", 1), 1, 1.0)).foreign == 70.0


async def test_the_way_to_a_provider_can_be_measured(monkeypatch):
    monkeypatch.setattr(quiet, "TRIES", 1)
    rows = await relay.run((2,), rounds=1, seconds=1.0, peer=False)
    straight, ours = rows
    assert (straight[0], ours[0]) == ("straight to the provider", "this server")
    for cells in rows:
        assert int(cells[2]) >= 80, "of 100 frames"
    assert float(ours[-2]) > 0, "no CPU was counted"


def test_the_seams_of_a_call_can_be_measured():
    """In a process of its own: the time stamps stay in the classes."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--calls", "2", "--seconds", "1", "--tries", "1"]
    ways = ("RTP read → provider written", "delta read → RTP sent")
    for _ in range(3):  # a machine that is busy elsewhere may swallow the second
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        cells = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
        taken = {row[0]: row for row in cells if len(row) == 5 and row[1] == "2"}
        if all(int(taken[name][2]) >= 50 for name in ways):
            break
    for name in ways:
        assert int(taken[name][2]) >= 50, "of 100 frames"
        assert float(taken[name][3]) > 0
    assert float(taken["without the wait"][3]) < float(taken["delta read → RTP sent"][3])
