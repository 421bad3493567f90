"""A message held against a type of a vendor's SDK: every field known, every type right."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def check(kind: type[BaseModel], message: dict[str, Any]) -> dict[str, Any]:
    """Fail unless the message is of the type; return it."""
    known(kind.model_validate(message), kind.__name__)
    return message


def known(value: Any, where: str) -> None:
    """Fail for a field that the SDK's types do not name: they keep such fields as extras."""
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{where}: {sorted(value.model_extra or ())}"
        for name in type(value).model_fields:
            known(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            known(each, f"{where}[]")
