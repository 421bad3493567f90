import json
from pathlib import Path

import pytest

from mediaserver.config import Config, Development, Server
from tests.signaling.doors import door


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "js" / "app.js").write_text("export {}")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "__init__.py").write_text("")
    (tmp_path.parent / "secret.txt").write_text("x")
    return tmp_path


async def test_serves_the_page_and_its_files(pages: Path) -> None:
    async with door(pages=pages) as at:
        index = await at.client.get("/")
        assert (index.status, index.content_type, index.headers["Cache-Control"]) == (200, "text/html", "no-cache")
        script = await at.client.get("/static/js/app.js")
        assert script.content_type == "text/javascript"
        again = await at.client.get("/static/js/app.js", headers={"If-None-Match": script.headers["ETag"]})
        assert again.status == 304 and "Content-Security-Policy" in again.headers


@pytest.mark.parametrize(
    "path",
    [
        "none.js",
        "js",
        ".hidden",
        "__init__.py",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "js/%00",
        "%2fetc%2fpasswd",
        "js/../../secret.txt",
    ],
)
async def test_serves_nothing_else(pages: Path, path: str) -> None:
    async with door(pages=pages) as at:
        answer = await at.client.get(f"/static/{path}")
        assert answer.status == 404 and (await answer.json())["error"]["code"] == "not_found"


async def test_what_the_page_must_know() -> None:
    async with door() as at:
        facts = await (await at.client.get("/page.json")).json()
        assert facts["key"] == "sk-local" and facts["key_needed"] is False
        assert facts["default_model"] == "local" and facts["https_url"] is None
        assert facts["limits"] == {"max_duration_s": 3600.0}
        local = facts["models"][0]
        assert local["name"] == "local" and local["voices"] == ["en", "de"] and local["turns"] == "session"
        assert set(local) == {"name", "description", "voices", "tools", "turns"}


async def test_the_key_is_told_to_this_machine_only() -> None:
    async with door() as at:
        for headers in (
            {"Host": "voice.example"},
            {"X-Forwarded-For": "192.0.2.1"},
            {"Origin": "https://evil.example"},
        ):
            facts = await (await at.client.get("/page.json", headers=headers)).json()
            assert facts["key"] is None and facts["key_needed"] is True
    config = Config(development_key=Development(enabled=False), server=Server(public_url="https://voice.example"))
    async with door(config) as at:
        facts = await (await at.client.get("/page.json")).json()
        assert facts["key"] is None and facts["https_url"] == "https://voice.example"


async def test_reports_are_counted_and_logged_once_per_kind(caplog: pytest.LogCaptureFixture) -> None:
    report = {"csp-report": {"effective-directive": "script-src", "blocked-uri": "https://evil.example"}}
    newer = [{"type": "csp-violation", "body": {"effectiveDirective": "style-src"}}]
    async with door() as at:
        for body in (
            json.dumps(report),
            json.dumps(report),
            json.dumps(newer),
            "{",
            "5",
            "[" * 10_000,
            '{"csp-report": {"effective-directive": "\\n"}}',
        ):
            assert (await at.client.post("/csp-report", data=body)).status == 204
        assert at.door.reports == {"script-src": 2, "style-src": 1, "unreadable": 3, "other": 1}
        assert (await at.client.post("/csp-report", data="x" * 20_000)).status == 400
    assert len([record for record in caplog.records if record.name == "signaling.page"]) == 4
    assert "evil" not in caplog.text
