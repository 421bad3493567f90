import io
import json
import logging
from typing import Any

import pytest

from mediaserver.telemetry.logs import MAX_LINE, written

CANARY = "canary-51c2"


def lines(say: Any, level: str = "info", form: str = "json") -> list[str]:
    stream = io.StringIO()
    with written(level, form, stream):
        say(logging.getLogger("signaling.test"))
    return stream.getvalue().splitlines()


def test_one_json_object_per_event_with_allowed_fields_only() -> None:
    [line] = lines(
        lambda log: log.info("a call was made", extra={"call_id": "rtc_1", "body": CANARY, "duration_ms": 3})
    )
    facts = json.loads(line)
    assert facts["event"] == "a call was made" and facts["call_id"] == "rtc_1" and facts["duration_ms"] == 3
    assert facts["level"] == "info" and facts["logger"] == "signaling.test" and facts["at"].endswith("+00:00")
    assert CANARY not in line


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "hostile", ["a\r\nb: fake", "\x1b[31mred\x1b[0m", "%n%s%d", "x" * 1_000_000, "\u2028\u202e", "\udc80", "\0"]
)
def test_hostile_values_stay_in_one_short_line(form: str, hostile: str) -> None:
    said = lines(lambda log: log.warning("refused", extra={"detail": hostile, "model": hostile}), form=form)
    assert len(said) == 1
    assert len(said[0].encode()) <= MAX_LINE
    assert not any(char in said[0] for char in "\x1b\r\0\u2028") or form == "json"
    assert "\x1b" not in said[0] and "\r" not in said[0]


def test_others_say_only_their_template() -> None:
    def say(_: logging.Logger) -> None:
        logging.getLogger("aiohttp.server").warning("Error handling request from %s", CANARY)
        logging.getLogger("aiohttp.server").info("quiet")

    [line] = lines(say, "debug")
    assert CANARY not in line and json.loads(line)["event"] == "Error handling request from %s"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_names_places_but_not_the_message(form: str) -> None:
    def say(log: logging.Logger) -> None:
        try:
            raise ValueError(CANARY)
        except ValueError:
            log.exception("failed")

    [line] = lines(say, form=form)
    assert CANARY not in line and "ValueError in say test_logs.py" in line


def test_the_level_is_kept() -> None:
    said = lines(lambda log: (log.debug("a"), log.info("b"), log.error("c")), "warning")
    assert [json.loads(line)["event"] for line in said] == ["c"]


def test_nothing_is_left_behind() -> None:
    before = list(logging.getLogger().handlers)
    lines(lambda log: log.info("x"))
    assert logging.getLogger().handlers == before


def test_a_worker_signs_all_its_lines() -> None:
    stream = io.StringIO()
    with written("info", "json", stream, worker=0):
        for name in ("signaling.test", "aiohttp.server"):
            logging.getLogger(name).warning("x", extra={"worker": 7})
    assert [json.loads(line)["worker"] for line in stream.getvalue().splitlines()] == [0, 0]
