import os
from pathlib import Path

import pytest

from mediaserver.cluster.cores import cores, workers

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("max 100000\n", HERE),
        ("50000 100000\n", 1),
        ("100000 100000\n", 1),
        ("100001 100000\n", min(2, HERE)),
        (f"{HERE + 7}00000 100000\n", HERE),
        ("nonsense", HERE),
        ("1 0", HERE),
    ],
)
def test_a_container_has_no_more_than_it_is_granted(tmp_path: Path, said: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(said)
    assert cores(tmp_path / "cpu.max") == expected


def test_without_control_groups_the_scheduler_decides(tmp_path: Path) -> None:
    assert cores(tmp_path / "none") == HERE


def test_a_number_is_a_number_and_auto_is_one_per_core() -> None:
    assert workers(3) == 3 and workers("auto") == cores()
