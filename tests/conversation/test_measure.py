from mediaserver.conversation.measure import Stopwatch


def stages(watch: Stopwatch, at: float) -> list[tuple[str, float, float]]:
    measured = watch.done("resp_1", at)
    assert measured is not None
    return [(stage.name, stage.start, stage.end) for stage in measured.stages]


def test_a_spoken_turn() -> None:
    watch = Stopwatch("item_1", 1.0)
    for mark, at in (("committed", 1.5), ("transcript", 1.6), ("asked", 1.6), ("text", 1.9), ("audio", 2.0)):
        watch.mark(mark, at)  # type: ignore[arg-type]
    watch.mark("text", 2.05)
    assert stages(watch, 2.1) == [
        ("end_of_turn", 1.0, 1.5), ("transcript", 1.5, 1.6), ("model", 1.6, 1.9), ("speech", 1.9, 2.0), ("deliver", 2.0, 2.1)
    ]  # fmt: skip
    assert watch.done("resp_1", 3.0) is None


def test_a_turn_with_a_tool_asks_the_model_twice() -> None:
    watch = Stopwatch("item_1", 1.0)
    for mark, at in (("committed", 1.5), ("transcript", 1.6), ("tool_called", 1.9), ("asked", 2.5), ("text", 2.7)):
        watch.mark(mark, at)  # type: ignore[arg-type]
    watch.mark("audio", 2.8)
    assert [name for name, _, _ in stages(watch, 2.9)] == [
        "end_of_turn", "transcript", "model", "tool", "model", "speech", "deliver"
    ]  # fmt: skip


def test_marks_out_of_time_never_make_a_stage_negative() -> None:
    watch = Stopwatch("item_1", 1.0)
    watch.mark("committed", 2.0)
    watch.mark("transcript", 1.5)
    assert stages(watch, 1.0) == [("end_of_turn", 1.0, 2.0), ("transcript", 2.0, 2.0), ("deliver", 2.0, 2.0)]


def test_sound_before_text_makes_no_stage_out_of_order() -> None:
    watch = Stopwatch("item_1", 1.0)
    watch.mark("audio", 1.5)
    watch.mark("text", 1.6)
    assert [name for name, _, _ in stages(watch, 1.7)] == ["speech", "deliver"]
