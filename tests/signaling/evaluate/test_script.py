import re
from pathlib import Path

import pytest

from signaling.evaluate.script import MAX_BYTES, ScriptError, load, parse

WHOLE = """
name: all of it
about: everything that can be written down
noise: {kind: babble, snr_db: 10}
replies: [{seconds: 2, text: "Shall I?"}]
listen_ms: 4000
caller:
  - {say: "one two", speed: 1.5, level_db: -30, name: first, when: {call_ms: 100}}
  - {pause_ms: 500}
  - {wav: three.wav, text: three}
  - {clip: four, kind: barge_in, when: {reply_ms: 300}}
  - {sound: cough, when: {after_ms: 10}}
  - {hang_up: true, when: {silence_ms: 1000}}
expect:
  - {event: reply_stops, within_ms: 200, after: first}
  - {event: heard, words: one two}
forbid:
  - {event: turn_ended, during: pauses}
"""


def test_everything_that_can_be_written_down_is_read():
    script = parse(WHOLE, "whole.yaml")
    assert [step.audible for step in script.caller] == [True, False, True, True, True, False]
    assert script.noise is not None and script.noise.snr_db == 10
    assert script.caller[3].when is not None and script.caller[3].when.reply_ms == 300
    assert script.expect[1].words == "one two" and script.forbid[0].during == "pauses"


@pytest.mark.parametrize(
    ("caller", "complaint"),
    [
        ("[{say: a, wav: b}]", "one of say, wav"),
        ("[{kind: turn}]", "one of say, wav"),
        ("[{say: '  '}]", "no words"),
        ("[{pause_ms: 100}, {say: a}]", "a pause joins two sounds"),
        ("[{say: a}, {pause_ms: 100}]", "the last step is a pause"),
        ("[{say: a}, {pause_ms: 9}, {say: b, when: {after_ms: 1}}]", "no pause before it"),
        ("[{say: a}, {pause_ms: 9, when: {after_ms: 1}}, {say: b}]", "a pause has no when"),
        ("[{say: a, when: {}}]", "one of call_ms"),
        ("[{say: a, when: {call_ms: 1, reply_ms: 1}}]", "one of call_ms"),
        ("[{hang_up: true}, {say: a}]", "nothing follows hang_up"),
        ("[]", "neither says anything"),
        ("[{say: a, speed: 9}]", "$.caller[0].speed"),
        ("[{say: a, shout: true}]", "shout"),
        ("[{sound: thunder}]", "thunder"),
        ("[{say: a}]\nreplies: []", "replies"),
        ("[{say: a}]\nexpect: [{event: turn_ended, after: b}]", "no sound is called b"),
        ("[{say: a}]\nforbid: [{event: turn_ended, during: b}]", "no sound is called b"),
        ("[{say: a}]\nexpect: [{event: heard}]", "wants words"),
        ("[{say: a}", "no YAML"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(caller, complaint):
    with pytest.raises(ScriptError) as refused:
        parse(f"name: x\ncaller: {caller}", "x.yaml")
    assert "x.yaml: " in str(refused.value) and complaint in str(refused.value)


def test_the_example_in_the_documentation_can_be_played():
    page = (Path(__file__).parents[3] / "docs" / "evaluate.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert parse(example, "docs/evaluate.md").name == "a-table-in-june"


def test_a_script_has_a_size():
    with pytest.raises(ScriptError, match="longer"):
        parse("#" * (MAX_BYTES + 1), "x.yaml")


def test_files_and_folders_are_read_in_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\ncaller: [{{say: {name}}}]")
    assert [script.name for script in load([tmp_path])] == ["a", "b"]
    with pytest.raises(ScriptError, match="another script called a"):
        load([tmp_path, tmp_path / "a.yaml"])


def test_a_recording_lies_beside_its_script(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ncaller: [{wav: b.wav}, {pause_ms: 1}, {say: c}]")
    assert [step.wav for step in load([tmp_path])[0].caller] == [str(tmp_path / "b.wav"), None, None]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ScriptError, match=r"none\.yaml cannot be read"):
        load([tmp_path / "none.yaml"])
    with pytest.raises(ScriptError, match=r"no \*\.yaml"):
        load([tmp_path])
