"""The documentation is sound, and the check would notice if it were not."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("check_docs", ROOT / "scripts" / "check_docs.py")
assert _spec is not None
assert _spec.loader is not None
check_docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_docs)


@pytest.mark.parametrize("page", check_docs.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_is_sound(page):
    assert check_docs.problems(page) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[there](nowhere.md)", "no such file"),
        ("# A heading\n[here](#another)", "no such heading"),
        ("# A heading\n[here](#a-heading)", None),
        ("[out](https://example.org)", None),
        ("```json\n{]\n```", "json block"),
        ("```yaml\nserver: {colour: red}\n```", "yaml block"),
        ("```yaml\nserver: {port: 9090}\n```", None),
        ("```python\ndef\n```", "python block"),
        ("```sh\nmake tea\n```", "no such verb"),
        ("```sh\nmake run\n```", None),
        ("```sh\nmediaserver doctor --aspirin\n```", "no such option"),
        ("```sh\nmediaserver doctor --json\n```", None),
    ],
)
def test_what_it_notices(tmp_path, text, problem):
    page = tmp_path / "page.md"
    page.write_text(text)
    found = check_docs.problems(page)
    assert (problem in found[0]) if problem else not found
