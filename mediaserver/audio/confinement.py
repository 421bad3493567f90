"""What a process may still do once it is about to read what a stranger sent: think, read and write what it holds, and end.

Limits come from setrlimit(2) and hold everywhere but on Windows. The filter of system calls is Linux's seccomp(2), for which
no privilege is needed; where it cannot be had the limits stand alone. Neither can be taken back.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import struct
import sys
from collections.abc import Mapping

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_SIGKILL = 9

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_FOREIGN = 0x40000000  # from here on: the same calls under the numbers of x32


def _table(text: str) -> Mapping[str, int]:
    return {name: int(number) for name, _, number in (entry.partition("=") for entry in text.split())}


X86_64: Mapping[str, int] = _table("""
    open=2 creat=85 openat=257 openat2=437 open_by_handle_at=304 memfd_create=319
    socket=41 connect=42 accept=43 bind=49 listen=50 socketpair=53 accept4=288
    clone=56 fork=57 vfork=58 execve=59 execveat=322 clone3=435 kill=62 tkill=200
    rename=82 mkdir=83 rmdir=84 link=86 unlink=87 symlink=88 chmod=90 chown=92
    mknod=133 mkdirat=258 mknodat=259 fchownat=260 unlinkat=263 renameat=264 linkat=265
    symlinkat=266 fchmodat=268 renameat2=316 truncate=76 chroot=161 mount=165
    ptrace=101 process_vm_readv=310 process_vm_writev=311 pidfd_open=434 pidfd_getfd=438
    pidfd_send_signal=424 rt_sigqueueinfo=129 unshare=272 setns=308 bpf=321 userfaultfd=323
    perf_event_open=298 add_key=248 request_key=249 keyctl=250 io_uring_setup=425
    shmget=29 msgget=68 mq_open=240 inotify_init1=294 prlimit64=302 setrlimit=160
""")
AARCH64: Mapping[str, int] = _table("""
    openat=56 openat2=437 open_by_handle_at=265 memfd_create=279
    socket=198 socketpair=199 bind=200 listen=201 accept=202 connect=203 accept4=242
    clone=220 execve=221 execveat=281 clone3=435 kill=129 tkill=130
    mknodat=33 mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 renameat2=276
    fchmodat=53 fchownat=54 truncate=45 chroot=51 mount=40
    ptrace=117 process_vm_readv=270 process_vm_writev=271 pidfd_open=434 pidfd_getfd=438
    pidfd_send_signal=424 rt_sigqueueinfo=138 unshare=97 setns=268 bpf=280 userfaultfd=282
    perf_event_open=241 add_key=217 request_key=218 keyctl=219 io_uring_setup=425
    shmget=194 msgget=186 mq_open=180 inotify_init1=26 prlimit64=261 setrlimit=164
""")
"""System calls that are refused from now on: new files, sockets and processes, other processes, other limits."""

_ARCHITECTURES = {"x86_64": (0xC000003E, X86_64), "aarch64": (0xC00000B7, AARCH64)}


def die_with_parent() -> None:
    """Be killed when the parent ends (Linux), and leave no core file behind."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def limit(*, memory_bytes: int, cpu_s: float, file_bytes: int) -> None:
    """Take the address space, the processor time and the length of files that are left to this process.

    From here on it gets no new descriptor and no new process either.
    """
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, max(1, round(cpu_s))),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def filtered() -> bool:
    """Refuse the system calls of the table for ever; return whether this system can."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    code = program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count, and where the instructions are.
    holder = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(holder, len(holder))
    prctl(_PR_SET_DUMPABLE, 0, None, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0)
    return bool(prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(pointer), 0, 0) == 0)


def program(machine: str) -> bytes:
    """Return the filter in classic BPF: calls of another architecture and those of the table are refused (EPERM)."""
    architecture, refused = _ARCHITECTURES[machine]
    numbers = sorted(refused.values())
    # Jumps count instructions: past the rest of the comparisons and "allow" stands "refuse".
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, len(numbers) + 1, 0, _FOREIGN),
        *((_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
