"""Run the conformance tests and print what each stock client did against each backend as one table.

usage: python -m tests.conformance.table
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance.backends import BACKENDS

HERE = Path(__file__).parent
WORST = ("failed", "skipped", "passed")


class Results:
    """A plugin of pytest that keeps what became of every test that has a backend."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self._places: dict[str, tuple[tuple[str, str], str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn the row and the column of each test."""
        for item in items:
            told = dict(item.callspec.params) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
            backend = told.pop("model", None)
            if backend in BACKENDS and isinstance(item, pytest.Function):
                client = item.path.stem.removeprefix("test_").replace("_", " ")
                how = ", ".join(str(each) for each in told.values() if isinstance(each, str))
                does = item.originalname.removeprefix("test_").replace("_", " ") + (f" ({how})" if how else "")
                self._places[item.nodeid] = ((client, does), backend)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of a test's three phases."""
        if report.nodeid in self._places:
            row, backend = self._places[report.nodeid]
            cells = self.rows.setdefault(row, {})
            cells[backend] = min(cells.get(backend, "passed"), report.outcome, key=WORST.index)

    def table(self) -> str:
        """Return the rows in Markdown."""
        lines = [("client", "does", *BACKENDS), ("---",) * (2 + len(BACKENDS))]
        lines += [(*row, *(cells.get(name, "—") for name in BACKENDS)) for row, cells in self.rows.items()]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Return pytest's exit code; the table is the last thing printed."""
    results = Results()
    code = pytest.main(["-q", str(HERE), *sys.argv[1:]], plugins=[results])
    print(results.table())
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
