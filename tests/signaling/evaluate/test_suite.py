"""Our own scripts, played in virtual time: all of them can be, the figures are complete and the same every time.

What the figures should be is for ``mediaserver evaluate`` to judge.
"""

import json
import wave

import pytest

from signaling.cli import main
from signaling.evaluate.command import RECORDED, SUITE
from signaling.evaluate.report import TARGETS
from signaling.evaluate.script import load
from tests import clips


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluate") / "report.json"
    code = main(["evaluate", "--in-process", "--json", str(path)])
    return code, json.loads(path.read_text())


def test_every_script_is_played_and_nothing_breaks(played):
    _, report = played
    assert [call["name"] for call in report["calls"]] == [script.name for script in load([SUITE])]
    assert len(report["calls"]) >= 40
    assert not [call for call in report["calls"] for one in call["failures"] if "session ended" in one]


def test_the_report_is_complete(played):
    code, report = played
    facts = report["summary"]
    assert [target["name"] for target in report["targets"]] == [target.name for target in TARGETS]
    assert all(target["met"] is not None for target in report["targets"])
    assert (code == 0) == report["passed"]
    assert facts["pauses_n"] >= 20 and facts["turns_n"] >= 60
    assert facts["barge_ins_n"] >= 10 and facts["distractions_n"] >= 10 and facts["idle_noises_n"] >= 4
    assert set(facts["cut_ins_by_pause_ms"]) >= {"300", "500", "700", "1000"}
    assert set(facts["stages"]) >= {"end_of_turn", "transcript", "model", "speech"}


def test_what_holds_whatever_the_policy(played):
    facts = played[1]["summary"]
    assert facts["answered_noises_n"] == 0
    assert facts["cut_ins_by_pause_ms"]["300"][0] == 0
    assert facts["turns_never_ended_n"] <= 2
    assert facts["word_error_rate"] < 0.05


def test_human_voices_are_played_where_there_are_some(tmp_path):
    names = {step.clip for script in load([RECORDED]) for step in script.caller if step.clip}
    for name in sorted(names):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, clips.RATE, 0, "NONE", ""))
            file.writeframes(clips.clip(name).pcm)
    rows = "".join(f"{name}.wav,{clips.clip(name).text}\n" for name in names)
    (tmp_path / "transcripts.csv").write_text(f"file,transcript\n{rows}")
    path = tmp_path / "report.json"
    main(["evaluate", str(RECORDED), "--in-process", "--recordings", str(tmp_path), "--json", str(path)])
    report = json.loads(path.read_text())
    assert len(report["calls"]) == len(load([RECORDED]))
    assert report["summary"]["barge_ins_n"] >= 3 and report["summary"]["pauses_n"] >= 5


def test_a_second_time_is_the_same(tmp_path, capsys):
    reports = []
    for number in range(2):
        path = tmp_path / f"{number}.json"
        names = [SUITE / f"{name}.yaml" for name in ("barge-in-stop", "pause-0700-number", "over-babble-10dB")]
        main(["evaluate", *map(str, names), "--in-process", "--json", str(path)])
        reports.append((path.read_text(), capsys.readouterr().out))
    assert reports[0] == reports[1]
