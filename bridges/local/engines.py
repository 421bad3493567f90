"""The voices inside their worker process: SVOX Pico, flite, eSpeak NG. Each makes PCM16 mono at :data:`RATE`.

A process of their own keeps a crash of C code, and eSpeak NG's licence (GPL-3), out of the server.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import soxr

from bridges.local.engine import EngineMissing
from bridges.local.trim import Trimmer
from bridges.local.wording import speakable

RATE = 16000
PIECE = RATE // 5 * 2
"""Bytes of one piece: 200 ms."""

Keep = Callable[[bytes], bool]
"""Takes sound; False when nobody wants more."""


class Synthesiser(Protocol):
    """One installed voice engine."""

    voices: tuple[str, ...]

    def speak(self, text: str, voice: str, speed: float, keep: Keep) -> None:
        """Hand the sound of a clause to ``keep`` as it is made."""
        ...


class Pico:
    """SVOX Pico (package ``ttspico``): one engine per language, made when first asked for, about 12 MB each."""

    voices: tuple[str, ...] = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT")

    def __init__(self) -> None:
        from ttspico import TtsEngine

        self._make = TtsEngine
        self._engines: dict[str, Any] = {self.voices[0]: TtsEngine(self.voices[0])}

    def speak(self, text: str, voice: str, speed: float, keep: Keep) -> None:
        """Speak; the pace is Pico's own markup, percent of normal."""
        engine = self._engines.get(voice) or self._engines.setdefault(voice, self._make(voice))
        level = round(100 * speed)
        marked = text if level == 100 else f"<speed level='{level}'>{text}</speed>"
        stopped = False

        def take(_format: object, sound: bytes, _last: int) -> bool:
            nonlocal stopped
            stopped = not keep(sound)
            return not stopped

        try:
            engine.speak(marked, take)
        except RuntimeError:
            if not stopped:  # the engine raises when its callback says stop
                raise


class Flite:
    """flite by Carnegie Mellon, when the system has its library (``libflite1``): one American voice at 16 kHz."""

    voices: tuple[str, ...] = ("en-US",)

    class _Wave(ctypes.Structure):
        _fields_ = (
            ("type", ctypes.c_char_p),
            ("rate", ctypes.c_int),
            ("count", ctypes.c_int),
            ("channels", ctypes.c_int),
            ("samples", ctypes.POINTER(ctypes.c_short)),
        )

    class _Voice(ctypes.Structure):
        _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))

    def __init__(self) -> None:
        self._lib = _library("flite")
        speaker = _library("flite_cmu_us_slt")
        self._lib.flite_init()
        speaker.register_cmu_us_slt.restype = ctypes.POINTER(self._Voice)
        self._voice = speaker.register_cmu_us_slt(None)
        self._lib.flite_text_to_wave.restype = ctypes.POINTER(self._Wave)
        self._lib.flite_text_to_wave.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
        self._lib.flite_feat_set_float.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float)
        self._lib.delete_wave.argtypes = (ctypes.c_void_p,)

    def speak(self, text: str, voice: str, speed: float, keep: Keep) -> None:
        """Speak a clause in one go, which takes 3 % of its length."""
        self._lib.flite_feat_set_float(self._voice.contents.features, b"duration_stretch", 1.0 / speed)
        wave = self._lib.flite_text_to_wave(text.encode(), self._voice)
        try:
            made = wave.contents
            keep(_at_rate(ctypes.string_at(made.samples, made.count * 2), made.rate))
        finally:
            self._lib.delete_wave(wave)


class Espeak:
    """eSpeak NG (package ``espeakng-loader``)."""

    voices: tuple[str, ...] = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT", "nl-NL", "pl-PL", "pt-BR", "sv-SE")
    _NAMES: Mapping[str, bytes] = {"en-US": b"en-us", "en-GB": b"en-gb", "pt-BR": b"pt-br"}
    _SYNCHRONOUS, _UTF8, _RATE, _BUFFER_MS, _NO_EXIT = 2, 1, 1, 60, 0x8000
    _WORDS_PER_MINUTE = 165

    def __init__(self) -> None:
        import espeakng_loader

        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self._rate = self._lib.espeak_Initialize(self._SYNCHRONOUS, self._BUFFER_MS, data, self._NO_EXIT)
        if self._rate <= 0:
            raise EngineMissing("eSpeak NG found no data")
        self._callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def speak(self, text: str, voice: str, speed: float, keep: Keep) -> None:
        """Speak in pieces of 60 ms."""
        resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="int16")

        def take(samples: Any, count: int, _events: Any) -> int:
            sound = np.ctypeslib.as_array(samples, (count,)).copy() if samples and count else np.zeros(0, np.int16)
            return 0 if keep(resampler.resample_chunk(sound, last=not samples).tobytes()) else 1

        callback = self._callback(take)
        self._lib.espeak_SetSynthCallback(callback)
        self._lib.espeak_SetVoiceByName(self._NAMES.get(voice, voice[:2].encode()))
        self._lib.espeak_SetParameter(self._RATE, round(self._WORDS_PER_MINUTE * speed), 0)
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 0, 0, self._UTF8, None, None)


SYNTHESISERS: dict[str, Callable[[], Synthesiser]] = {"pico": Pico, "flite": Flite, "espeak": Espeak}


class Voice:
    """One synthesiser as the worker's Engine: results are pieces of sound of at most 200 ms."""

    def __init__(self, name: str, synthesiser: Synthesiser) -> None:
        self._synthesiser = synthesiser
        self.facts: dict[str, Any] = {"name": name, "rate": RATE, "voices": list(synthesiser.voices)}
        self._told: Mapping[str, Any] = {}

    def begin(self, told: Mapping[str, Any]) -> None:
        """Take ``text``, ``voice`` and ``speed``."""
        self._told = told

    def feed(self, data: bytes) -> None:
        """A text comes whole."""

    def end(self, piece: Callable[[Any], bool]) -> None:
        """Speak."""
        known = self._synthesiser.voices
        voice = self._told["voice"] if self._told["voice"] in known else known[0]
        text = speakable(self._told["text"], voice)
        if not text:
            return
        trimmer = Trimmer(RATE)
        speed = min(2.0, max(0.5, float(self._told["speed"])))
        self._synthesiser.speak(text, voice, speed, lambda sound: _hand_out(trimmer.feed(sound), piece))
        _hand_out(trimmer.finish(), piece)

    def drop(self) -> None:
        """Nothing is kept between jobs."""


def first_installed(order: Iterable[str]) -> Voice:
    """Return the first voice of ``order`` that works here. Raises EngineMissing with what to install."""
    problems = []
    for name in order:
        try:
            return Voice(name, SYNTHESISERS[name]())
        except (ImportError, OSError, RuntimeError, KeyError, EngineMissing) as problem:
            problems.append(f"{name}: {problem}")
    raise EngineMissing(
        "no voice is installed: pip install ttspico (needs a C compiler) or espeakng-loader, or apt install libflite1"
        f" ({'; '.join(problems)})"
    )


def _hand_out(sound: bytes, piece: Callable[[Any], bool]) -> bool:
    return all(piece(part) for part in _pieces(sound))


def _pieces(sound: bytes) -> Iterator[bytes]:
    for at in range(0, len(sound), PIECE):
        yield sound[at : at + PIECE]


def _at_rate(sound: bytes, rate: int) -> bytes:
    if rate == RATE:
        return sound
    resampled: bytes = soxr.resample(np.frombuffer(sound, np.int16), rate, RATE).tobytes()
    return resampled


def _library(name: str) -> ctypes.CDLL:
    found = ctypes.util.find_library(name)
    if found is None:
        raise EngineMissing(f"lib{name} is not installed")
    return ctypes.CDLL(found, mode=ctypes.RTLD_GLOBAL)
