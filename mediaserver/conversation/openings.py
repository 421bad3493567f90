"""The sound with which replies begin, kept while we do not know yet whether it comes back through the microphone. Pure."""

from __future__ import annotations

from mediaserver.remember import remember

OPENING_MS = 1500
"""By then the echo guard knows the line."""

_ITEMS = 2
"""The one that is heard and the next."""


class Openings:
    """The first :data:`OPENING_MS` of the last items, PCM16 mono at ``rate``."""

    def __init__(self, rate: int) -> None:
        self._per_ms = rate * 2 // 1000
        self._kept: dict[str, bytearray] = {}

    def sound(self, item_id: str, pcm: bytes) -> None:
        """Take more of an item's sound; what comes after its opening is not kept."""
        opening = self._kept.get(item_id)
        if opening is None:
            opening = bytearray()
            remember(self._kept, item_id, opening, _ITEMS)
        opening += pcm[: OPENING_MS * self._per_ms - len(opening)]

    def before(self, item_id: str, played_ms: int, ms: int) -> bytes | None:
        """Return the last ``ms`` of what had left when ``played_ms`` of the item had, ``None`` when that is not kept."""
        opening = self._kept.get(item_id)
        if opening is None or played_ms > OPENING_MS:
            return None
        return bytes(opening[max(0, played_ms - ms) * self._per_ms : played_ms * self._per_ms])
