from signaling.audio.sse import event, event_stream


def test_an_event_is_one_line_of_json() -> None:
    assert event({"type": "x", "delta": "a\nü"}) == 'data: {"type":"x","delta":"a\\nü"}\n\n'.encode()


def test_proxies_do_not_hold_events_back() -> None:
    assert event_stream().content_type == "text/event-stream"
    assert event_stream().headers["X-Accel-Buffering"] == "no"
