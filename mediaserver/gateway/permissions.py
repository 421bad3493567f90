"""What a known caller may do."""

from __future__ import annotations

from mediaserver.errors import Forbidden
from mediaserver.gateway.principal import Principal
from mediaserver.settings import Settings


def permit(principal: Principal, scope: str, *, origin: str | None = None) -> None:
    """Raise Forbidden when this key may not do this, or not from this web origin (``None``: the caller is no web page)."""
    permit_scope(principal, scope)
    if principal.origins is not None and (origin is None or origin not in principal.origins):
        raise Forbidden("this key may not be used from here", code="origin_not_allowed")


def permit_scope(principal: Principal, scope: str) -> None:
    """Raise Forbidden when this key may not do this."""
    if scope not in principal.scopes:
        raise Forbidden(f"this key lacks the scope {scope}", code="missing_scope")


def permit_model(principal: Principal, model: str) -> None:
    """Raise Forbidden when this key may not ask for this model."""
    if principal.models is not None and model not in principal.models:
        raise Forbidden("this key may not use this model", code="model_not_allowed", param="model")


def permit_settings(principal: Principal, settings: Settings) -> None:
    """Raise Forbidden when these settings of a session, or of one response, go beyond what a client secret grants."""
    grant = principal.grant
    if grant is None:
        return
    if grant.voices is not None and settings.voice not in grant.voices:
        raise Forbidden("this key may not use this voice", code="voice_not_allowed", param="audio.output.voice")
    for index, tool in enumerate(settings.tools):
        if grant.tools is not None and tool.name not in grant.tools:
            raise Forbidden("this key may not use this tool", code="tool_not_allowed", param=f"tools[{index}].name")
