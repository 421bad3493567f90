from __future__ import annotations

from signaling.ended import KEPT_S, EndedCalls


def test_a_call_is_found_by_whoever_made_it_and_for_a_while_only() -> None:
    now = [0.0]
    calls = EndedCalls(lambda: now[0])
    calls.keep("rtc_1", "shop", "secret", {"state": "ended"})
    assert calls.find("rtc_1", "shop", None) == {"state": "ended"}
    assert calls.find("rtc_1", "shop", "secret") == {"state": "ended"}
    assert calls.find("rtc_1", "shop", "another secret") is None
    assert calls.find("rtc_1", "rival", None) is None
    assert calls.find("rtc_2", "shop", None) is None
    now[0] = KEPT_S
    assert calls.find("rtc_1", "shop", None) is None


def test_the_oldest_are_forgotten_first() -> None:
    calls = EndedCalls(lambda: 0.0, most=2)
    for number in range(3):
        calls.keep(f"rtc_{number}", "shop", None, {"number": number})
    assert [calls.find(f"rtc_{number}", "shop", None) for number in range(3)] == [None, {"number": 1}, {"number": 2}]
