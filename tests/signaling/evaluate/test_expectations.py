import pytest

from signaling.evaluate.expectations import failures
from tests.signaling.evaluate.stage import said, take

ONE = said(0, (0, 400, "one"), (900, 1300, "two"))
CUT = said(2000, (0, 800, "no wait"), kind="barge_in", name="cut")


def body(expect="", forbid=""):
    steps = "caller: [{say: hello, name: one}, {say: no wait, name: cut, when: {reply_ms: 1}}]"
    return steps + (f"\nexpect: [{expect}]" if expect else "") + (f"\nforbid: [{forbid}]" if forbid else "")


@pytest.mark.parametrize(
    ("expect", "call", "complaint"),
    [
        ("event: turn_ended, within_ms: 500", {"seen": ((1800, "committed"),)}, None),
        ("event: turn_ended, within_ms: 499", {"seen": ((1800, "committed"),)}, "500 ms, not within 499"),
        ("event: turn_ended", {"seen": ((600, "committed"),)}, "it never did"),
        ("event: reply_begins, within_ms: 900", {"reply": ((2100, 3000),)}, None),
        ("event: reply_begins, within_ms: 100", {"reply": ((2100, 3000),)}, "800 ms, not within 100"),
        ("event: heard, words: Two three", {"heard": ((9, "One two, three."),)}, None),
        ("event: heard, words: two four", {"heard": ((9, "One two, three."),)}, "is not in"),
    ],
)
def test_what_must_happen_after_a_turn(expect, call, complaint):
    found = failures(take(ONE, body=body("{" + expect + "}"), **call))
    assert (found == []) if complaint is None else (len(found) == 1 and complaint in found[0])


@pytest.mark.parametrize(
    ("expect", "reply", "seen", "complaint"),
    [
        ("reply_stops", ((1000, 2065),), ((2500, "interrupted"),), None),
        ("reply_stops", ((1000, 2500),), ((2500, "interrupted"),), "500 ms, not within 200"),
        ("reply_stops", ((1000, 4000),), (), "it never did"),
        ("reply_stops", ((1000, 1500),), (), "no reply was audible"),
        ("reply_resumes", ((1000, 4000),), (), None),
        ("reply_resumes", ((1000, 2065), (2900, 4000)), ((2060, "paused"), (2900, "resumed")), None),
        ("reply_resumes", ((1000, 2065),), ((2060, "paused"),), "it never did"),
        ("reply_resumes", ((1000, 2065),), ((2060, "paused"), (2500, "cleared")), "it was cut off"),
        ("reply_resumes", (), (), "no reply was audible"),
    ],
)
def test_what_must_happen_to_a_reply(expect, reply, seen, complaint):
    found = failures(take(CUT, body=body(f"{{event: {expect}, within_ms: 200, after: cut}}"), reply=reply, seen=seen))
    assert (found == []) if complaint is None else (len(found) == 1 and complaint in found[0])


@pytest.mark.parametrize(
    ("forbid", "call", "broken"),
    [
        ("event: turn_ended", {"seen": ((700, "committed"),)}, True),
        ("event: turn_ended", {"seen": ((1800, "committed"),)}, False),
        ("event: reply_begins, during: call", {"reply": ((100, 200),)}, True),
        ("event: reply_stops, during: cut", {"seen": ((4200, "cleared"),)}, True),
        ("event: reply_stops, during: cut, tail_ms: 1000", {"seen": ((4200, "cleared"),)}, False),
    ],
)
def test_what_must_not_happen(forbid, call, broken):
    found = failures(take(ONE, CUT, body=body(forbid=f"{{{forbid}}}"), **call))
    assert len(found) == broken


def test_what_was_never_said_is_a_failure_and_so_is_a_call_that_broke():
    whole = take(ONE)
    whole.unsaid.append("cut")
    assert failures(whole) == ["cut was never said: there was no reply to wait for"]
    whole.problem = "the line is dead"
    assert failures(whole) == ["the line is dead"]


def test_nothing_can_follow_from_what_was_not_said():
    assert failures(take(body=body("{event: turn_ended}"))) == ["turn_ended: nothing was said before it"]
