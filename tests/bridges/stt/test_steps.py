from bridges.stt.steps import Steps


def test_frames_are_gathered_and_nothing_is_lost() -> None:
    steps = Steps(16000, 80)
    out = [piece for _ in range(9) for piece in steps.feed(bytes(640))]
    assert [len(piece) for piece in out] == [2560, 2560]
    assert steps.sent_s == 0.16
    assert steps.rest() == bytes(640)
    assert steps.rest() == b""
    assert steps.sent_s == 0.18


def test_a_burst_is_cut() -> None:
    burst = bytes(range(250)) * 128  # a second
    pieces = list(Steps(16000, 20).feed(burst))
    assert [len(piece) for piece in pieces] == [6400] * 5
    assert b"".join(pieces) == burst


def test_silence_counts_and_is_of_whole_samples() -> None:
    steps = Steps(16000, 20)
    assert len(steps.silence(0.10003)) == 3200
    assert steps.sent_s == 0.1
