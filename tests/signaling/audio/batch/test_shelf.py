from __future__ import annotations

from pathlib import Path

from signaling.audio.batch.book import SPEECH, Spec
from signaling.audio.batch.journal import Line
from signaling.audio.batch.shelf import Shelf

SPEC = Spec("batch_1", "ann", SPEECH, 100, 200, ("a", "b"))


def shelf(folder: Path) -> Shelf:
    return Shelf(folder, lambda name: name.startswith("batch_"))


def test_a_batch_survives_with_all_that_is_in_it(tmp_path: Path) -> None:
    first = shelf(tmp_path / "batches")
    assert first.load() == []
    with first.making("batch_1") as inputs:
        (inputs / "000001").write_bytes(b"text")
        assert first.add(SPEC).done == {}
    assert first.input("batch_1", 1).read_bytes() == b"text"
    first.part("batch_1", 1).write_bytes(b"sound")
    assert not first.result("batch_1", 1).exists()
    first.keep("batch_1", 1)
    first.journal("batch_1").write(Line("completed", 1, "audio/mpeg"))

    second = shelf(tmp_path / "batches")
    [book] = second.load()
    assert book.spec == SPEC and set(book.done) == {1} and second.result("batch_1", 1).read_bytes() == b"sound"
    second.remove("batch_1")
    assert second.load() == []


def test_what_was_not_complete_is_removed(tmp_path: Path) -> None:
    made = shelf(tmp_path)
    with made.making("batch_1"):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".new-batch_2").mkdir()
    (tmp_path / ".new-other_2").mkdir()
    assert made.load() == [] and [path.name for path in tmp_path.iterdir()] == [".new-other_2"]


def test_what_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    for name, spec in (("batch_1", b"{"), ("batch_2", b'{"id": "x"}'), ("other", b"")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.json").write_bytes(spec)
    (tmp_path / "batch_3").mkdir()
    assert shelf(tmp_path).load() == [] and len(list(tmp_path.iterdir())) == 4
