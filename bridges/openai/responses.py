"""Which response is which: the provider's names and ours, what was asked for and what is being made."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from bridges.openai.wire import ResponseBody
from mediaserver.clock import new_id
from mediaserver.commands import Respond
from mediaserver.remember import remember

MARK = "mediaserver_response"
"""The key of a response's metadata that holds our name of it; it is not shown to the client."""
METADATA_PAIRS = 16
"""As many may a response have (API reference, ``metadata``)."""
REMEMBERED = 32


@dataclass(slots=True)
class Made:
    """A response that the provider is making. ``muted``: nothing of it is wanted any more but its end."""

    id: str
    provider_id: str
    muted: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    sounding: set[str] = field(default_factory=set)
    calls: dict[str, tuple[str, str]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)


class Responses:
    """The book of one session; ``marking`` says that its speaker keeps metadata.

    Bounded: at most ``REMEMBERED`` asked for and as many being made.
    """

    def __init__(self, *, marking: bool = True) -> None:
        self._marking = marking
        self._asked: OrderedDict[str, Respond] = OrderedDict()
        self._made: dict[str, Made] = {}
        self._unwanted: set[str] = set()

    def ask(self, command: Respond) -> None:
        """Remember what was asked for until the provider begins it."""
        self._asked[command.response_id] = command
        while len(self._asked) > REMEMBERED:
            self._unwanted.discard(self._asked.popitem(last=False)[0])

    def refused(self, response_id: str) -> bool:
        """Forget what the provider did not take; say whether it was asked for and not begun."""
        self._unwanted.discard(response_id)
        return self._asked.pop(response_id, None) is not None

    def begin(self, body: ResponseBody) -> tuple[Made, Respond | None]:
        """Find out which response begins: by its mark, else the oldest one asked for, else the provider's own."""
        mark = (body.metadata or {}).get(MARK)
        asked = self._asked.pop(mark, None) if isinstance(mark, str) else None
        if asked is None and not mark:
            asked = self._oldest_unmarked()
        made = Made(asked.response_id if asked else new_id("resp"), body.id)
        made.muted = made.id in self._unwanted
        remember(self._made, body.id, made, REMEMBERED)
        return made, asked

    def at(self, provider_id: str) -> Made | None:
        """Return the response that a message is about; without a name it is the newest."""
        if not provider_id and self._made:
            return next(reversed(self._made.values()))
        return self._made.get(provider_id)

    def end(self, provider_id: str) -> Made | None:
        """Take a response off the book."""
        made = self.at(provider_id)
        if made is not None:
            del self._made[made.provider_id]
            self._unwanted.discard(made.id)
        return made

    def stop(self, response_id: str) -> str | None:
        """Want no more of a response; return the provider's name of it while it is being made.

        One that was asked for and has not begun is stopped when it does.
        """
        if response_id in self._asked:
            self._unwanted.add(response_id)
        for made in self._made.values():
            if made.id == response_id and not made.muted:
                made.muted = True
                return made.provider_id
        return None

    def _oldest_unmarked(self) -> Respond | None:
        """Return what was asked for without a mark: by a speaker that has none, or with all metadata taken."""
        for response_id, command in self._asked.items():
            if not (self._marking and marked(command)):
                return self._asked.pop(response_id)
        return None


def marked(command: Respond) -> bool:
    """Say whether the response can carry our mark."""
    return len(command.metadata) < METADATA_PAIRS
