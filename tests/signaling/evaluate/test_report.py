import json

import pytest

from signaling.evaluate.figures import BargeIn, Distraction, Figures, Pause, TurnEnd
from signaling.evaluate.report import Outcome, as_data, judged, passed, percentile, summary, table


def outcome(**figures):
    return Outcome("one", Figures(**figures), [])


GOOD = {
    "pauses": [Pause(500, False), Pause(1500, True)],
    "turns": [TurnEnd("a", 400, 900), TurnEnd("b", 480, 1000)],
    "barge_ins": [BargeIn("c", 65), BargeIn("d", 85)],
    "distractions": [Distraction("e", False, 800, True)],
    "words": 10,
    "word_errors": 1,
    "stages": {"model": [250.0, 260.0]},
}


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ([1, 2, 3, 4], 0.5, 2),
        ([3, 1, 2], 0.5, 2),
        (range(1, 101), 0.95, 95),
        ([5], 0.95, 5),
        ([], 0.5, None),
        ([1, 2, None], 0.5, 2),
        ([1, 2, None], 0.95, None),
    ],
)
def test_percentiles_are_values_that_were_measured_and_what_never_came_is_the_longest(values, part, expected):
    assert percentile(values, part) == expected


def test_everything_is_counted_over_all_calls():
    facts = summary([outcome(**GOOD), outcome(pauses=[Pause(500, True)], turns=[TurnEnd("f", None, None)])])
    assert (facts["calls"], facts["pauses_n"], facts["cut_ins_n"], facts["cut_ins"]) == (2, 2, 1, 0.5)
    assert facts["cut_ins_by_pause_ms"] == {"500": [1, 2], "longer": [1, 1]}
    assert (facts["turns_n"], facts["turns_never_ended_n"], facts["end_of_turn_p50_ms"]) == (3, 1, 480)
    assert (facts["barge_in_stop_p95_ms"], facts["false_interruptions"], facts["resumed_n"]) == (85, 0, 1)
    assert facts["word_error_rate"] == 0.1 and facts["stages"]["model"] == {"n": 2, "p50_ms": 250, "p95_ms": 260}


def test_targets_are_met_missed_or_not_measured():
    assert [target["met"] for target in judged(summary([outcome(**GOOD)]))] == [True] * 4
    assert [target["met"] for target in judged(summary([outcome()]))] == [None] * 4
    bad = outcome(barge_ins=[BargeIn("a", None)], distractions=[Distraction("b", True, 0, False)])
    assert [target["met"] for target in judged(summary([bad]))] == [False, False, None, None]


def test_a_failure_or_a_missed_target_is_not_passed():
    assert passed([outcome(**GOOD)]) and passed([outcome()])
    assert not passed([Outcome("one", Figures(), ["it never did"])])
    assert not passed([outcome(turns=[TurnEnd("a", 501, 900)])])


def test_the_table_says_all_of_it_in_words():
    text = table([outcome(**GOOD), Outcome("two", Figures(), ["turn_ended: it never did"])])
    assert "two: turn_ended: it never did" in text
    assert "0 of 1 (0.0 %)   500: 0/1, longer: 1/1" in text
    assert "p50 400 ms, p95 480 ms   2 turns" in text
    assert text.count("target: ") == 4 and text.count(" met") == 4
    assert "stage model" in text and "10.0 % of 10 words" in text
    assert table([outcome()]).count("not measured") == 4


def test_programs_get_the_same_as_plain_json():
    data = json.loads(json.dumps(as_data([outcome(**GOOD)], {"model": "local"}), allow_nan=False))
    assert data["passed"] and data["model"] == "local" and data["calls"][0]["turns"][0]["ended_ms"] == 400
