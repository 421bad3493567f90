"""A second party on a live call: it listens in, whispers to the model, takes over and hands back."""

from __future__ import annotations

from typing import Protocol

from mediaserver.clock import new_id
from mediaserver.commands import ClearOutput, CreateItem, CreateResponse
from mediaserver.conversation.audience import MAX_CONTROLLERS, Audience, Controller
from mediaserver.conversation.record import CallRecord
from mediaserver.errors import BadRequest, Overloaded
from mediaserver.events import AudioDelta, AudioDone, Event, TextDelta, TextDone, ToolCalled
from mediaserver.items import Item, Part

_MUTED = (AudioDelta, AudioDone, TextDelta, TextDone, ToolCalled)
"""What the model says while a person has taken over reaches nobody."""


class Asked(Protocol):
    """Does what a client could ask, on behalf of a controller."""

    def __call__(self, controller: Controller, command: CreateItem | CreateResponse | ClearOutput) -> None:
        """Take a command."""
        ...


class Supervision:
    """Who else is on one call, and who has taken it over. Every act leaves an entry in the call's record."""

    def __init__(self, audience: Audience, record: CallRecord, ask: Asked) -> None:
        self._audience = audience
        self._record = record
        self._ask = ask
        self._item = ""
        self._spoken_ms = 0
        self.holder: Controller | None = None

    def attach(self, controller: Controller) -> None:
        """Let it take part. Raises Overloaded beyond sixteen."""
        if len(self._audience.controllers) >= MAX_CONTROLLERS:
            raise Overloaded("too many controllers on this call")
        self._audience.controllers.append(controller)
        self._record.note("controller_joined", controller=controller.name)

    def detach(self, controller: Controller) -> None:
        """It takes part no more; a call that it had taken over goes back to the model."""
        if controller not in self._audience.controllers:
            return
        if self.holder is controller:
            self.hand_back(controller)
        self._audience.controllers.remove(controller)
        self._record.note("controller_left", controller=controller.name)

    def hear(self, pcm: bytes) -> bool:
        """Pass the caller's sound on; say whether the model is to hear it too."""
        for controller in self._audience.controllers:
            if controller.listens:
                controller.hear_caller(pcm, self._audience.hear_rate)
        return self.holder is None

    def mutes(self, event: Event) -> bool:
        """Say whether this is what the model says while a person speaks in its place."""
        return self.holder is not None and isinstance(event, _MUTED)

    def whisper(self, controller: Controller, text: str, *, respond: bool) -> None:
        """Tell the model something that the caller does not hear; ``respond``: have it speak at once."""
        self._record.note("whispered", controller=controller.name, characters=len(text))
        item = Item(new_id("item"), role="system", parts=(Part("input_text", text),))
        self._ask(controller, CreateItem(item=item))
        if respond:
            self._ask(controller, CreateResponse())

    def take_over(self, controller: Controller) -> None:
        """From now on the caller speaks with this controller. Raises BadRequest when another one has the call."""
        if self.holder is not None and self.holder is not controller:
            raise BadRequest("another controller has taken this call over", code="already_taken_over")
        self._ask(controller, ClearOutput())
        self.holder = controller
        self._item, self._spoken_ms = new_id("item"), 0
        self._record.note("taken_over", controller=controller.name)

    def speak(self, controller: Controller, pcm: bytes) -> None:
        """Say this to the caller (PCM16 mono at the call's play rate). Raises BadRequest unless it has the call."""
        self._must_hold(controller)
        self._spoken_ms += len(pcm) // 2 * 1000 // max(1, self._audience.rate)
        self._audience.play(self._item, pcm)

    def hand_back(self, controller: Controller) -> None:
        """The model goes on, and is told that somebody spoke in its place. Raises BadRequest unless it has the call."""
        self._must_hold(controller)
        self.holder = None
        self._audience.finish(self._item)
        self._record.note("handed_back", controller=controller.name, spoken_ms=self._spoken_ms)
        note = f"A human colleague has just spoken with the caller directly for {self._spoken_ms // 1000} seconds."
        self._ask(controller, CreateItem(item=Item(new_id("item"), role="system", parts=(Part("input_text", note),))))

    def over(self) -> None:
        """The call is over: tell everyone who takes part."""
        for controller in [*self._audience.controllers]:
            controller.ended()
        self._audience.controllers.clear()

    def _must_hold(self, controller: Controller) -> None:
        if self.holder is not controller:
            raise BadRequest("take the call over first", code="not_taken_over")
