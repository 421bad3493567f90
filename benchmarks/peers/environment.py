"""An environment of a peer's own: installed by the benchmark into ``.setup/peers``, pinned, from wheels alone.

No code of a package runs while it is installed, and what is started from it gets next to nothing of our environment: no key
that is set there reaches it. ``make clean`` removes it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALL_S = 900.0


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed under which name: ``packages`` with all that they need, ``bare`` ones without."""

    name: str
    packages: tuple[str, ...]
    bare: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """Where it is."""
        return ROOT / ".setup" / "peers" / self.name

    def command(self, name: str) -> Path:
        """Return one of its commands, installed now where it is not there yet. Raises subprocess.SubprocessError."""
        complete = self.home / "complete"
        if not complete.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.home)], check=True, timeout=INSTALL_S)
            self._install(self.packages)
            if self.bare:
                self._install(("--no-deps", *self.bare))
            complete.touch()
        return self.home / "bin" / name

    def _install(self, told: tuple[str, ...]) -> None:
        words = ["install", "--quiet", "--only-binary", ":all:", *told]
        subprocess.run([str(self.home / "bin" / "pip"), *words], check=True, timeout=INSTALL_S)


def variables(home: str) -> dict[str, str]:
    """Return the variables that a peer is started with: ``home`` is a folder that it may write to, it logs errors only."""
    return {"PATH": os.defpath, "HOME": home, "LOGURU_LEVEL": "ERROR"}
