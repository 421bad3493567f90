"""A thin binding to libopus: what PyAV leaves out is concealment, in-band FEC and decoding straight to any rate.

The library is looked for in one place, :func:`libopus`. Functions of the API are those of opus.h and opus_defines.h.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mediaserver.errors import MediaError

RATES = (8000, 12000, 16000, 24000, 48000)

MAX_PACKET = 1275
"""The longest Opus frame in bytes (RFC 6716 §3.2.1); ours hold one frame."""

MAX_MS = 120
"""The longest Opus packet (RFC 6716 §3.2.5)."""

_VOIP = 2048
_BANDWIDTHS = ((8000, 1101), (12000, 1102), (16000, 1103), (24000, 1104), (48000, 1105))
_WIDE = 1103
_SET_BITRATE, _SET_MAX_BANDWIDTH, _SET_VBR, _SET_COMPLEXITY = 4002, 4004, 4006, 4010
_SET_INBAND_FEC, _SET_LOSS, _SET_DTX, _SET_SIGNAL = 4012, 4014, 4016, 4024
_RESET, _SIGNAL_VOICE, _SIGNAL_MUSIC = 4028, 3001, 3002

_LITTLE = 2
"""Up to this complexity speech is encoded as music is, by CELT, as long as nothing is lost (decision 18)."""


@dataclass(frozen=True, slots=True)
class Library:
    """Which libopus is in use: the one in PyAV's wheel, the system's, or none (PyAV decodes without concealment)."""

    source: Literal["pyav", "system", "none"]
    version: str
    path: str
    functions: ctypes.PyDLL | None


@cache
def libopus() -> Library:
    """Return the library that was found, always the same one."""
    for source, path in (("pyav", _bundled()), ("system", ctypes.util.find_library("opus") or "libopus.so.0")):
        if path and (functions := _load(path)) is not None:
            return Library(source, functions.opus_get_version_string().decode(), path, functions)  # type: ignore[arg-type]
    return Library("none", "", "", None)


def _bundled() -> str | None:
    """Find the library that PyAV's wheel brings: beside the package on Linux and Windows, inside it on macOS."""
    import av  # its extension modules load the library themselves; ours is then the same copy

    package = Path(av.__file__).parent
    homes = (package.parent / "av.libs", package / ".dylibs", package)
    found = (path for home in homes if home.is_dir() for path in sorted(home.glob("*opus*")) if path.is_file())
    return next((str(path) for path in found if {".so", ".dylib", ".dll"} & set(path.suffixes)), None)


def _load(path: str) -> ctypes.PyDLL | None:
    try:
        # PyDLL keeps the interpreter lock: a frame takes 0.05 to 0.3 ms, getting the lock back from a busy thread 5.
        functions = ctypes.PyDLL(path)
        _declare(functions)
    except (OSError, AttributeError):  # not there, or not a libopus
        return None
    return functions


def _declare(lib: ctypes.PyDLL) -> None:
    pointer, number, data = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    signatures = {
        "opus_get_version_string": (data, ()),
        "opus_strerror": (data, (number,)),
        "opus_decoder_create": (pointer, (ctypes.c_int32, number, pointer)),
        "opus_decoder_destroy": (None, (pointer,)),
        "opus_decode": (number, (pointer, data, ctypes.c_int32, pointer, number, number)),
        "opus_encoder_create": (pointer, (ctypes.c_int32, number, number, pointer)),
        "opus_encoder_destroy": (None, (pointer,)),
        "opus_encode": (ctypes.c_int32, (pointer, data, number, pointer, ctypes.c_int32)),
        # Variadic: with fewer argtypes than arguments ctypes calls it as such, which some ABIs need.
        "opus_encoder_ctl": (number, (pointer, number)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


def _functions() -> ctypes.PyDLL:
    functions = libopus().functions
    if functions is None:
        raise MediaError("no libopus was found")
    return functions


class OpusDecoder:
    """Opus to PCM16 mono at ``rate`` Hz (one of RATES). Raises MediaError for what is not Opus. Close it."""

    def __init__(self, rate: int) -> None:
        if rate not in RATES:
            raise MediaError(f"Opus does not decode to {rate} Hz")
        self._lib = _functions()
        self._rate = rate
        self._most = rate * MAX_MS // 1000
        self._pcm = ctypes.create_string_buffer(self._most * 2)
        self._view = memoryview(self._pcm)
        self._address = ctypes.addressof(self._pcm)
        self._call = self._lib.opus_decode
        self._state = _created(self._lib, "opus_decoder_create", rate, 1)

    def decode(self, payload: bytes) -> bytes:
        """Return the sound of one packet (stereo is mixed down)."""
        return self._decode(payload, self._most, 0)

    def conceal(self, ms: int) -> bytes:
        """Return ``ms`` (a multiple of 2.5, 120 at most) of sound in place of a lost packet."""
        return self._decode(None, self._rate * ms // 1000, 0)

    def recover(self, successor: bytes, ms: int) -> bytes | None:
        """Return the lost ``ms`` before ``successor`` from the copy that it carries (in-band FEC), None without one."""
        return self._decode(successor, self._rate * ms // 1000, 1) if carries_fec(successor) else None

    def close(self) -> None:
        """Free the decoder; idempotent."""
        state, self._state = self._state, None
        if state:
            self._lib.opus_decoder_destroy(state)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self.close()

    def _decode(self, payload: bytes | None, samples: int, fec: int) -> bytes:
        if self._state is None:
            raise MediaError("this Opus decoder is closed")
        if not 0 < samples <= self._most:  # libopus writes as much as it is told, whatever there is room for
            raise MediaError(f"Opus does not decode more than {MAX_MS} ms at once")
        size = len(payload) if payload else 0
        count = self._call(self._state, payload, size, self._address, samples, fec)
        if count < 0:
            raise MediaError(f"Opus: {self._lib.opus_strerror(count).decode()}")
        return self._view[: count * 2].tobytes()


@dataclass(frozen=True, slots=True)
class OpusSettings:
    """How to encode: ``bitrate`` in bit/s, ``complexity`` 0-10, ``max_rate`` the sample rate worth sending, in Hz."""

    bitrate: int = 32000
    complexity: int = 5
    fec: bool = False
    dtx: bool = False
    cbr: bool = False
    max_rate: int = 48000


class OpusEncoder:
    """PCM16 mono at ``rate`` Hz (one of RATES) to Opus for speech. Raises MediaError. Close it."""

    def __init__(self, rate: int, settings: OpusSettings = OpusSettings()) -> None:
        if rate not in RATES:
            raise MediaError(f"Opus does not encode from {rate} Hz")
        self._lib = _functions()
        self._packet = ctypes.create_string_buffer(MAX_PACKET)
        self._view = memoryview(self._packet)
        self._address = ctypes.addressof(self._packet)
        self._call = self._lib.opus_encode
        self._state = _created(self._lib, "opus_encoder_create", rate, 1, _VOIP)
        self._apply(settings)

    def encode(self, pcm: bytes) -> bytes:
        """Return the packet for a frame of 2.5, 5, 10, 20, 40 or 60 ms. With DTX, 2 bytes or less need not be sent."""
        if self._state is None:
            raise MediaError("this Opus encoder is closed")
        size = self._call(self._state, pcm, len(pcm) // 2, self._address, MAX_PACKET)
        if size < 0:
            raise MediaError(f"Opus: {self._lib.opus_strerror(size).decode()}")
        return self._view[:size].tobytes()

    def expect_loss(self, percent: int) -> None:
        """Tell how much is lost on the way: with FEC on, above zero each packet carries a copy of the one before."""
        self._set(_SET_LOSS, percent)
        self._lossy = percent > 0
        self._choose()

    def spend(self, bitrate: int) -> None:
        """Encode with so many bit/s from now on."""
        self._set(_SET_BITRATE, bitrate)

    def ease(self, complexity: int) -> None:
        """Encode with so much effort from now on, 0..10; with none in wide band, up to 8 kHz."""
        self._set(_SET_COMPLEXITY, complexity)
        self._complexity = complexity
        self._choose()

    def restart(self) -> None:
        """Forget what was encoded before: something else was sent after it."""
        self._set(_RESET, 0)

    def close(self) -> None:
        """Free the encoder; idempotent."""
        state, self._state = self._state, None
        if state:
            self._lib.opus_encoder_destroy(state)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self.close()

    def _apply(self, settings: OpusSettings) -> None:
        self._bandwidth = next((value for rate, value in _BANDWIDTHS if settings.max_rate <= rate), _BANDWIDTHS[-1][1])
        for request, value in (
            (_SET_BITRATE, settings.bitrate),
            (_SET_VBR, not settings.cbr),
            (_SET_INBAND_FEC, settings.fec),
            (_SET_DTX, settings.dtx),
        ):
            self._set(request, value)
        self._lossy = False
        self.ease(settings.complexity)

    def _choose(self) -> None:
        """Choose band and signal for the effort: CELT costs half of SILK and carries no copies (RFC 6716 §2.1.7)."""
        self._set(_SET_MAX_BANDWIDTH, self._bandwidth if self._complexity else min(self._bandwidth, _WIDE))
        little = self._complexity <= _LITTLE and not self._lossy
        self._set(_SET_SIGNAL, _SIGNAL_MUSIC if little else _SIGNAL_VOICE)

    def _set(self, request: int, value: int) -> None:
        error = self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        if error:
            raise MediaError(f"Opus: {self._lib.opus_strerror(error).decode()}")


def _created(lib: ctypes.PyDLL, function: str, *arguments: int) -> int | None:
    error = ctypes.c_int()
    state: int | None = getattr(lib, function)(*arguments, ctypes.byref(error))
    if error.value or not state:
        raise MediaError(f"Opus: {lib.opus_strerror(error.value).decode()}")
    return state


def carries_fec(payload: bytes) -> bool:
    """Say whether a packet holds a copy of the one before it (the LBRR flag of its SILK layer, RFC 6716 §4.2.4).

    Packets of code 3 (several frames, padding) are not looked into: their loss is concealed.
    """
    if len(payload) < 2 or payload[0] & 0x80 or payload[0] & 3 == 3:  # empty, CELT only, or code 3
        return False
    start = 1 + ((1 if payload[1] < 252 else 2) if payload[0] & 3 == 2 else 0)
    if start >= len(payload):
        return False
    config = payload[0] >> 3
    frames = max(1, config % 4) if config < 12 else 1  # SILK only: 10, 20, 40, 60 ms; hybrid: 10, 20
    flags, stereo = payload[start], payload[0] & 4
    return bool(flags >> (7 - frames) & 1 or (stereo and frames < 3 and flags >> (6 - 2 * frames) & 1))
