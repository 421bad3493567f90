"""Models that the operator supplies: whether a directory is one is found out at the start, not in the first call."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mediaserver.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ModelForm:
    """What a kind of model is made of: one of these groups of files is there."""

    name: str
    files: tuple[tuple[str, ...], ...]
    source: str

    def check(self, model: str) -> None:
        """Raise ConfigError where ``model`` is no directory of such a model."""
        folder = Path(model)
        if not folder.is_dir():
            raise ConfigError("model", f"no such directory; {self.source}")
        if not any(all((folder / each).is_file() for each in group) for group in self.files):
            needed = " and ".join(self.files[0])
            raise ConfigError("model", f"the directory holds no {self.name} model ({needed}); {self.source}")


VOSK_MODEL = ModelForm(
    "Vosk",
    (("am/final.mdl", "conf/mfcc.conf"), ("final.mdl", "mfcc.conf")),
    "unpack one of alphacephei.com/vosk/models",
)
WHISPER_MODEL = ModelForm(
    "CTranslate2 Whisper",
    (("model.bin", "config.json", "tokenizer.json"),),
    "download one of huggingface.co/Systran or convert one with ct2-transformers-converter",
)
"""Without ``tokenizer.json`` the library would ask a server for it."""


def installed(module: str, extra: str) -> None:
    """Raise ConfigError where a module is not installed that an engine needs."""
    if find_spec(module) is None:
        raise ConfigError("engine", f"needs {module}: pip install 'mediaserver[{extra}]'")
