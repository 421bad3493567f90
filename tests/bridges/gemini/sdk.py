"""Messages of the Live API held against the types of ``google-genai``, which forbid fields that they do not know."""

from __future__ import annotations

import json
from typing import Any

from google.genai import _live_converters, types


def check_sent(message: str | bytes) -> types.LiveClientMessage:
    """Fail unless the SDK could have sent this message; return what it makes of it."""
    told = json.loads(message)
    assert len(told) == 1
    if "setup" in told:  # the SDK's type of a setup lacks what its converter sends all the same
        types.RealtimeInputConfig.model_validate(told["setup"].pop("realtimeInputConfig"))
    return types.LiveClientMessage.model_validate(told)


def check_received(message: str | bytes) -> types.LiveServerMessage:
    """Fail unless the SDK knows this message of the server; return what it makes of it."""
    told: dict[str, Any] = json.loads(message)
    known = _live_converters._LiveServerMessage_from_mldev(told)
    assert len(known) == len(told), sorted(told)
    return types.LiveServerMessage.model_validate(known)
