from signaling.doctor.findings import Finding, note, ok, wrong


def test_each_verdict_has_its_maker():
    assert ok("a", "good", ms=1) == Finding("a", "ok", "good", "", {"ms": 1})
    assert note("a", "mind", "do").verdict == "note"
    assert wrong("a", "bad", "do").remedy == "do"
