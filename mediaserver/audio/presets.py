"""Quick or good: what is chosen for files of sound where both cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from mediaserver.audio.resample import MakeResampler, Resampler, ThoroughResampler

PresetName = Literal["latency", "balanced", "quality"]


@dataclass(frozen=True, slots=True)
class Preset:
    """``bit_rates`` in bit/s of mono speech by form, ``opus_complexity`` 0..10, and how rates are changed.

    ``piece_s``: long files are given to an engine in pieces of so many seconds at most: in short ones its first words come
    sooner, in long ones it knows more of what was said before.
    """

    bit_rates: Mapping[str, int]
    opus_complexity: int
    make_resampler: MakeResampler
    piece_s: float


PRESETS: Final[Mapping[PresetName, Preset]] = MappingProxyType(
    {
        "latency": Preset({"mp3": 48_000, "opus": 24_000, "aac": 48_000}, 3, Resampler, 60.0),
        "balanced": Preset({"mp3": 64_000, "opus": 32_000, "aac": 64_000}, 6, Resampler, 300.0),
        "quality": Preset({"mp3": 128_000, "opus": 64_000, "aac": 128_000}, 10, ThoroughResampler, 600.0),
    }
)

BALANCED: Final = PRESETS["balanced"]
