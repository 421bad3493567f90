from pathlib import Path

import pytest

from bridges.local.models import VOSK_MODEL, WHISPER_MODEL, ModelForm, installed
from mediaserver.errors import ConfigError


def folder(at: Path, *files: str) -> str:
    for each in files:
        (at / each).parent.mkdir(parents=True, exist_ok=True)
        (at / each).touch()
    return str(at)


@pytest.mark.parametrize(
    ("form", "files"),
    [
        (VOSK_MODEL, ("am/final.mdl", "conf/mfcc.conf")),
        (VOSK_MODEL, ("final.mdl", "mfcc.conf")),
        (WHISPER_MODEL, ("model.bin", "config.json", "tokenizer.json")),
    ],
)
def test_a_model_is_taken_and_one_with_a_file_missing_is_not(
    form: ModelForm, files: tuple[str, ...], tmp_path: Path
) -> None:
    form.check(folder(tmp_path, *files))
    (tmp_path / files[-1]).unlink()
    with pytest.raises(ConfigError, match=r"holds no .* model"):
        form.check(str(tmp_path))


def test_a_directory_that_is_not_there_is_refused_with_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model: no such directory; .*alphacephei\.com"):
        VOSK_MODEL.check(str(tmp_path / "none"))


def test_says_what_to_install() -> None:
    installed("json", "json")
    with pytest.raises(ConfigError, match=r"pip install 'mediaserver\[none\]'"):
        installed("no_such_module", "none")
