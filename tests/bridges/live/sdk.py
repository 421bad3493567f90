"""Events of GPT-Live held against the types of ``openai``: every field known, every type right."""

from __future__ import annotations

import typing
from typing import Any

from openai.types.live import ClientEvent, ServerEvent
from pydantic import BaseModel

from tests.bridges.sdk import check


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for kind in typing.get_args(typing.get_args(union)[0]):
        found.update(dict.fromkeys(typing.get_args(kind.model_fields["type"].annotation), kind))
    return found


_RECEIVED, _SENT = _by_type(ServerEvent), _by_type(ClientEvent)


def check_received(event: dict[str, Any]) -> None:
    """Fail unless the SDK knows this event of the model."""
    check(_RECEIVED[event["type"]], event)


def check_sent(event: dict[str, Any]) -> None:
    """Fail unless the SDK could have sent this event."""
    check(_SENT[event["type"]], event)
