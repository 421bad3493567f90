import json
import subprocess
import sys
from pathlib import Path

import pytest

from mediaserver.audio import confinement

ROOT = Path(confinement.__file__).resolve().parents[2]

PROGRAM = """
import json, os, resource, socket, sys
sys.path.append(sys.argv[1])
from mediaserver.audio import confinement
out = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
confinement.die_with_parent()
confinement.limit(memory_bytes=1 << 28, cpu_s=5, file_bytes=1000)
confined = confinement.filtered()
def fails(what):
    try:
        what()
    except (OSError, MemoryError) as problem:
        return type(problem).__name__
    return "done"
tries = {
    "read a file": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "make a file": lambda: os.open(sys.argv[2] + "2", os.O_WRONLY | os.O_CREAT),
    "open a socket": lambda: socket.socket(),
    "start a process": os.fork,
    "become another": lambda: os.execv(sys.executable, [sys.executable]),
    "remove a file": lambda: os.unlink(sys.argv[2]),
    "end another": lambda: os.kill(os.getppid(), 0),
    "take more memory": lambda: bytearray(1 << 28),
    "write": lambda: os.write(out, bytes(600)),
    "write too much": lambda: [os.write(out, bytes(600)), os.write(out, bytes(600))],
}
print(json.dumps([confined, {name: fails(what) for name, what in tries.items()}]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_what_is_left_is_to_think_and_to_write_what_one_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(ROOT), str(tmp_path / "out")], capture_output=True, check=True
    )
    confined, tries = json.loads(done.stdout)
    assert tries.pop("write") == "done"
    assert tries.pop("take more memory") == "MemoryError"
    assert tries.pop("write too much") == "OSError"
    if not confined:
        pytest.skip("this kernel gives no filter of system calls")
    assert set(tries.values()) == {"PermissionError"}, tries


@pytest.mark.parametrize(("machine", "table"), [("x86_64", confinement.X86_64), ("aarch64", confinement.AARCH64)])
def test_the_filter_says_what_the_table_says(machine: str, table: dict[str, int]) -> None:
    """Run here as the kernel runs it: load, compare, jump, return."""
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    code = confinement.program(machine)
    allowed, refused = 0x7FFF0000, 0x00050001
    for number in range(1024):
        assert run(code, architecture, number) == (refused if number in table.values() else allowed)
    assert run(code, architecture, 0x40000000) == refused
    assert run(code, 0x40000003, 0) == refused  # 32 bits, where the numbers mean other calls


def run(code: bytes, architecture: int, number: int) -> int:
    """Return the verdict of a program of classic BPF about a call."""
    at = accumulator = 0
    while True:
        what, value = int.from_bytes(code[at : at + 2], "little"), int.from_bytes(code[at + 4 : at + 8], "little")
        yes, no = code[at + 2], code[at + 3]
        at += 8
        if what == 0x20:
            accumulator = number if value == 0 else architecture
        elif what == 0x06:
            return value
        else:
            at += 8 * (yes if (accumulator == value if what == 0x15 else accumulator >= value) else no)
