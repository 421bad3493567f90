import pytest

from mediaserver.cluster.report import MAX_LINE, Report, read


def test_it_is_one_short_line_and_comes_back_whole() -> None:
    report = Report(7, 8081, tuple(f"2001:db8::{n}" for n in range(64)))
    line = report.written()
    assert line.count(b"\n") == 1 and len(line) < MAX_LINE and read(line) == report


@pytest.mark.parametrize("line", [b"", b"a library says hello\n", b"[]", b"{}", b'{"calls": "x"}', b"\xff"])
def test_what_others_print_is_no_report(line: bytes) -> None:
    assert read(line) is None
