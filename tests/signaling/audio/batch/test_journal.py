from pathlib import Path

import pytest

from signaling.audio.batch.journal import Journal, Line, save

LINES = [
    Line("completed", 3, "audio/mpeg"),
    Line("failed", 0, error={"message": "no", "type": "x", "param": None, "code": "y"}),
    Line("cancelled"),
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.read() == []
    for line in LINES:
        journal.write(line)
    assert Journal(tmp_path / "journal").read() == LINES


@pytest.mark.parametrize("torn", [b'{"status": "comp', b'{"status": "completed", "index": 4}', b"\0\0\0\n", b"\xff\n"])
def test_a_torn_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.write(LINES[0])
    with path.open("ab") as file:
        file.write(torn)
    assert journal.read() == LINES[:1]
    journal.write(LINES[1])
    assert journal.read() == LINES[:2]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> object:
        yield b"half"
        raise OSError

    with pytest.raises(OSError):
        save(tmp_path / "a", broken())  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()
    save(tmp_path / "a", [b"who", b"le"])
    assert (tmp_path / "a").read_bytes() == b"whole"
