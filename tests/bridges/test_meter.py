from bridges.meter import Meter

FRAME = bytes(960)


def test_reports_every_five_seconds_once_and_to_the_millisecond() -> None:
    meter, told = Meter(24000), []
    for _ in range(620):
        meter.hear(FRAME)
        told += meter.report()
    assert [(each.key, each.usage.seconds, each.usage.source) for each in told] == [
        ("0-5000", 5.0, "metered"),
        ("5000-10000", 5.0, "metered"),
    ]
    assert [(each.key, each.usage.seconds) for each in meter.report(1)] == [("10000-12400", 2.4)]
    assert not meter.report(0)
    assert meter.heard_ms == 12400


def test_counts_at_any_rate() -> None:
    meter = Meter(8000)
    meter.hear(bytes(320))
    assert meter.heard_ms == 20
