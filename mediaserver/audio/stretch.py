"""Make sound a little shorter or longer without a click: what repeats in it is left out, or said once more. Pure.

A splice lies where both sides of it look alike, and fades from one to the other. Source: W. Verhelst, M. Roelands, "An
overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993, here for one splice at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.int16]

FADE = 0.005
"""Seconds over which one side fades into the other, and that are compared."""

LEAST, MOST = 0.0025, 0.015
"""Seconds that the period of a voice may last: 400 to 67 Hz."""


def shortened(sound: Sound, rate: int, least: int, most: int) -> Sound:
    """Return sound without ``least`` to ``most`` of its samples; it has to be ``most`` samples and a fade long.

    Its first and its last sample stay, so that it still fits between its neighbours. The longest of equal cuts is taken.
    """
    fade = _fade(rate)
    gap = most - _likest(sound[least : most + fade][::-1], sound[:fade][::-1])
    return np.concatenate((_across(sound[:fade], sound[gap : gap + fade]), sound[gap + fade :]))


def lengthened(sound: Sound, rate: int, least: int, most: int) -> Sound:
    """Return sound with ``least`` to ``most`` of its samples said twice; it has to be ``most`` samples and a fade long."""
    fade = _fade(rate)
    more = least + _likest(sound[least : most + fade], sound[:fade])
    return np.concatenate((sound[:more], _across(sound[more : more + fade], sound[:fade]), sound[fade:]))


def continued(past: Sound, rate: int, size: int) -> Sound:
    """Return ``size`` samples that may follow sound of at least 20 ms: its last period again and again."""
    fade, least, most = _fade(rate), int(LEAST * rate), int(MOST * rate)
    back = past[::-1]
    period = least + _likest(back[least : most + fade], back[:fade])
    again = past[-period:].astype(np.float32)
    # Where the end of the period does not quite meet its beginning the difference is let out little by little.
    again += (float(past[-1]) - float(past[-period - 1])) * np.linspace(1.0, 0.0, period, dtype=np.float32)
    return _whole(np.resize(again, size))


def joined(ahead: Sound, sound: Sound, rate: int, most: int) -> Sound:
    """Return sound behind up to ``most`` samples of ``ahead``, which has to be a fade longer, where the two look alike."""
    fade = _fade(rate)
    at = _likest(ahead[: most + fade], sound[:fade])
    return np.concatenate((ahead[:at], _across(ahead[at : at + fade], sound[:fade]), sound[fade:]))


def _fade(rate: int) -> int:
    return int(FADE * rate)


def _likest(place: Sound, piece: Sound) -> int:
    """Return where in ``place`` something is most like ``piece``; the first of equals."""
    wide, narrow = place.astype(np.float32), piece.astype(np.float32)
    alike = np.correlate(wide, narrow, "valid")
    power = np.convolve(wide * wide, np.ones(len(narrow), np.float32), "valid")
    return int(np.argmax(alike / np.sqrt(np.maximum(power, 1.0))))


def _across(old: Sound, new: Sound) -> Sound:
    ramp = np.linspace(0.0, 1.0, len(old), dtype=np.float32)
    return _whole(old * (1 - ramp) + new * ramp)


def _whole(sound: NDArray[np.float32]) -> Sound:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
