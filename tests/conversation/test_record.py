from __future__ import annotations

from mediaserver.conversation.record import MAX_ENTRIES, MAX_KEYS, CallRecord
from mediaserver.events import AudioDone, ResponseDone, SessionEnded, TranscriptFinal, UsageReported
from mediaserver.items import Usage

SEVEN = Usage(output_tokens=7, source="provider")


def test_what_happened_in_order_with_its_time() -> None:
    now = [10.0]
    record = CallRecord(lambda: now[0])
    record.note("provider_opened", leg=0, place="a")
    now[0] = 12.5
    record.ended(SessionEnded("provider_error", "gone"))
    assert record.entries() == [
        {"at_ms": 0, "kind": "provider_opened", "leg": 0, "place": "a"},
        {"at_ms": 2500, "kind": "ended", "reason": "provider_error", "detail": "gone"},
    ]


def test_usage_is_booked_once_per_key_and_leg() -> None:
    record = CallRecord(lambda: 0.0)
    told = [
        ResponseDone("r", usage=SEVEN),
        TranscriptFinal("i", "words", Usage(seconds=1.5)),
        UsageReported(Usage(characters=9), "speech", "k"),
        ResponseDone("without"),
        AudioDone("r", "i"),
    ]
    for leg in (0, 0, 1):
        for event in told:
            record.happened(event, leg, f"p{leg}")
    assert [(one.leg, one.kind, one.key) for one in record.spent()] == [
        (leg, kind, key) for leg in (0, 1) for kind, key in (("response", "r"), ("transcript", "i"), ("speech", "k"))
    ]
    assert record.usage()[0] == {
        "leg": 0,
        "provider": "p0",
        "kind": "response",
        "output_tokens": 7,
        "source": "provider",
    }
    assert "words" not in repr(record.usage()) + repr(record.entries())


def test_a_late_report_counts() -> None:
    record = CallRecord(lambda: 0.0)
    record.happened(ResponseDone("r2", usage=SEVEN), 1, "b")
    record.happened(ResponseDone("r1", usage=SEVEN), 0, "a")
    assert [one.leg for one in record.spent()] == [1, 0]


def test_bounds() -> None:
    record = CallRecord(lambda: 0.0)
    for number in range(MAX_ENTRIES + 3):
        record.note("x", number=number)
    assert len(record.entries()) == MAX_ENTRIES
    assert record.lost == 3
    for number in range(MAX_KEYS + 2):
        record.happened(UsageReported(SEVEN, key=str(number)), 0, "a")
    assert len(record.spent()) == MAX_KEYS
    assert record.lost == 5
