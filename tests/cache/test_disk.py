import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaserver.cache import disk as module
from mediaserver.cache.disk import Disk
from mediaserver.cache.entry import Entry
from mediaserver.cache.tally import Tally
from mediaserver.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def entry(size: int = 1000, seconds: float = 100.0) -> Entry:
    now = time.time()
    return Entry(now, now + seconds, b"{}", os.urandom(size))


async def test_what_was_put_is_there_for_another_process_and_after_a_restart(tmp_path):
    kept = entry()
    with Disk(tmp_path / "in" / "it", 100_000, Tally()).opened() as disk:
        assert await disk.put(A, kept)
        with Disk(tmp_path / "in" / "it", 100_000, Tally()).opened() as other:
            assert await other.get(A) == kept and other.bytes > 1000
            assert await other.get(B) is None
    (file,) = (tmp_path / "in" / "it").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: b"", lambda d: b"x" * len(d), lambda d: d + b"y"])
async def test_a_file_that_is_no_entry_is_none_and_goes(tmp_path, spoil: Callable[[bytes], bytes]):
    with Disk(tmp_path, 100_000, Tally()).opened() as disk:
        await disk.put(A, entry())
        (file,) = tmp_path.iterdir()
        file.write_bytes(spoil(file.read_bytes()))
        assert await disk.get(A) is None and not file.exists()
        assert await disk.put(A, entry()) and await disk.get(A) is not None


async def test_the_folder_stays_within_its_bound_and_keeps_what_is_used(tmp_path):
    tally = Tally()
    with Disk(tmp_path, 20_000, tally).opened() as disk:
        await disk.put(A, entry())
        for number in range(60):
            os.utime(tmp_path / f"{A}.entry", (time.time() + 1, time.time() + 100))  # used just now
            await disk.put(f"{number:064x}", entry())
            assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 20_000
        assert await disk.get(A) is not None and disk.bytes <= 20_000
        assert tally.evictions["disk"] >= 40
        assert not await disk.put(B, entry(5001))


async def test_what_is_too_old_goes_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIDY_S", 0.02)
    with Disk(tmp_path, 100_000, Tally()).opened() as disk:
        await disk.put(A, entry(seconds=0.01))
        async with asyncio.timeout(5):
            while any(tmp_path.iterdir()):
                await asyncio.sleep(0.01)
        assert await disk.get(A) is None


async def test_what_others_left_is_borne(tmp_path):
    (tmp_path / f"{A}-dead.part").write_bytes(b"half")
    (tmp_path / f"{B}.entry").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    os.utime(tmp_path / f"{A}-dead.part", (0, 0))
    tally = Tally()
    with Disk(tmp_path, 100_000, tally).opened() as disk:
        assert not (tmp_path / f"{A}-dead.part").exists() and (tmp_path / "notes.txt").exists()
        assert await disk.get(B) is None and tally.failures["disk"] == 1
        assert not await disk.put(B, entry())
        assert await disk.put(C, entry()) and await disk.get(C) is not None


def test_a_folder_that_cannot_be_is_refused_at_start(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"cache\.folder"),
        Disk(tmp_path / "file" / "x", 1000, Tally()).opened(),
    ):
        pass


FULL = """
import asyncio, resource, sys
from pathlib import Path
from mediaserver.cache.disk import Disk
from mediaserver.cache.entry import Entry
from mediaserver.cache.tally import Tally

async def main():
    tally = Tally()
    with Disk(Path(sys.argv[1]), 1_000_000, tally).opened() as disk:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        big, small = Entry(0, 1e11, b"", bytes(9000)), Entry(0, 1e11, b"", bytes(900))
        print(await disk.put("a" * 64, big), await disk.put("b" * 64, small))
        print(await disk.get("a" * 64), await disk.get("b" * 64) == small, dict(tally.failures))
asyncio.run(main())
"""


def test_a_full_disk_costs_the_entry_and_nothing_else(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout.split("\n")[:2] == ["False True", "None True {'disk': 1}"], done.stderr
    assert [file.name for file in tmp_path.iterdir()] == [f"{'b' * 64}.entry"]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from mediaserver.cache.disk import Disk
from mediaserver.cache.entry import Entry
from mediaserver.cache.tally import Tally

async def main():
    with Disk(Path(sys.argv[1]), 100_000_000, Tally()).opened() as disk:
        for number in range(1_000_000):
            await disk.put(f"{number:064x}", Entry(0, 1e11, b"", number.to_bytes(4, "big") * 20_000))
            print(number, flush=True)
asyncio.run(main())
"""


def killed_in_mid_work(folder: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", KILLED, folder], cwd=ROOT, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()


async def test_a_kill_leaves_whole_entries_only(tmp_path):
    killed_in_mid_work(tmp_path)
    with Disk(tmp_path, 100_000_000, Tally()).opened() as disk:
        for number in range(20):
            found = await disk.get(f"{number:064x}")
            assert found is not None and found.body == number.to_bytes(4, "big") * 20_000
        for file in tmp_path.glob("*.entry"):
            assert await disk.get(file.stem) is not None
