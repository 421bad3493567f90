import pytest

from bridges.elevenlabs.failures import PASSING, ended, failure


@pytest.mark.parametrize("kind", ["override_error", "missing_dynamic_variable", "invalid_message", "safety_violation"])
def test_what_another_try_cannot_help(kind: str) -> None:
    assert not failure(kind).retryable
    assert kind not in PASSING


@pytest.mark.parametrize("kind", ["redis_timeout_error", "llm_error", "unknown_websocket_crash", "", None])
def test_what_it_can(kind: str | None) -> None:
    assert failure(kind).retryable


def test_closes_have_their_codes() -> None:
    told = {code: ended(code) for code in (1000, 1001, 1002, 1006, 1008, 1009, 1011, 1013, 4000)}
    assert {code: each.code if each else None for code, each in told.items()} == {
        1000: None,
        1001: "connection_lost",
        1002: "protocol_error",
        1006: "connection_lost",
        1008: "refused",
        1009: "too_large",
        1011: "provider_error",
        1013: "unavailable",
        4000: "connection_lost",
    }
