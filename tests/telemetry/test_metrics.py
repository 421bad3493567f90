from mediaserver.telemetry.metrics import by_label, counter, gauge, gauges, histogram, text


def test_the_text_is_what_prometheus_reads() -> None:
    page = text(
        [
            gauge("calls", "Calls now.", 3),
            counter("made_total", "Calls made.", 1e15 + 1),
            by_label("ended_total", "Calls ended.", "reason", {"idle": 1, 'a"b\\c\n': 2}),
            gauges("held_bytes", "Held.", "tier", {"memory": 7, "disk": 8}),
            histogram("late_seconds", "Lateness.", (0.01, 1.0), (5, 2, 1), 3.5),
        ],
        {},
    )
    assert page == (
        "# HELP calls Calls now.\n"
        "# TYPE calls gauge\n"
        "calls 3\n"
        "# HELP made_total Calls made.\n"
        "# TYPE made_total counter\n"
        "made_total 1000000000000001\n"
        "# HELP ended_total Calls ended.\n"
        "# TYPE ended_total counter\n"
        'ended_total{reason="a\\"b\\\\c\\n"} 2\n'
        'ended_total{reason="idle"} 1\n'
        "# HELP held_bytes Held.\n"
        "# TYPE held_bytes gauge\n"
        'held_bytes{tier="disk"} 8\n'
        'held_bytes{tier="memory"} 7\n'
        "# HELP late_seconds Lateness.\n"
        "# TYPE late_seconds histogram\n"
        'late_seconds_bucket{le="0.01"} 5\n'
        'late_seconds_bucket{le="1"} 7\n'
        'late_seconds_bucket{le="+Inf"} 8\n'
        "late_seconds_sum 3.5\n"
        "late_seconds_count 8\n"
    )


def test_a_worker_is_named_on_every_sample() -> None:
    page = text([by_label("ended_total", "Ended.", "reason", {"idle": 1})], {"worker": "2"})
    assert 'ended_total{worker="2",reason="idle"} 1\n' in page
