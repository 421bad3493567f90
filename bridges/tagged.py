"""Text messages that say in ``type`` what they are: one table from that name to a struct, as most providers speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bridges.codec import Garbled


class _Head(msgspec.Struct):
    type: str


_HEAD = msgspec.json.Decoder(_Head)


class Tagged:
    """Reads the messages of one protocol; ``garbled`` is what is said of text that is none of them."""

    def __init__(self, structs: Mapping[str, type[msgspec.Struct]], garbled: str) -> None:
        self._decoders = {name: msgspec.json.Decoder(struct) for name, struct in structs.items()}
        self._garbled = garbled

    def __contains__(self, name: str) -> bool:
        """Say whether there is a struct for this type."""
        return name in self._decoders

    def read(self, text: str) -> tuple[str, Any]:
        """Return the type of a message and its struct, ``None`` for a type that is not known. Raises Garbled."""
        try:
            name = _HEAD.decode(text).type
            decoder = self._decoders.get(name)
            return name, None if decoder is None else decoder.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Garbled(self._garbled) from None
