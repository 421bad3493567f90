"""What npm installs for the clients, kept in pytest's cache for as long as their lock file stays as it is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

INSTALL_S = 180


def installed(folder: Path, lock: Path, config: pytest.Config) -> Path:
    """Give a folder the packages that a lock file (and the ``package.json`` beside it) names; without npm: skipped."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine: `make test` installs one where it may")
    assert config.cache is not None
    cache = config.cache.mkdir("npm")
    kept = cache / hashlib.sha256(lock.read_bytes()).hexdigest()
    if not kept.exists():
        _install(lock, cache, kept)
    (folder / "node_modules").symlink_to(kept / "node_modules")
    return folder


def _install(lock: Path, cache: Path, kept: Path) -> None:
    """Install beside and move it into its place when it is whole: another run may be at it as well."""
    with tempfile.TemporaryDirectory(dir=cache) as beside:
        place = Path(beside) / "packages"
        place.mkdir()
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, place)
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=INSTALL_S)
        if not kept.exists():
            place.rename(kept)
