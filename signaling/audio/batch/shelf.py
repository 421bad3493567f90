"""The folder of batches on disk: one folder for each, with its spec, inputs, results and journal. Every call blocks."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from signaling.audio.batch.book import Book, Spec
from signaling.audio.batch.journal import Journal, save, settle, sync

log = logging.getLogger(__name__)

_NEW = ".new-"


class Shelf:
    """All batches of one worker. Raises OSError."""

    def __init__(self, folder: Path, ours: Callable[[str], bool]) -> None:
        self._folder = folder
        self._ours = ours

    def load(self) -> list[Book]:
        """Return the batches that are there; what was being made when the server ended is removed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        books = []
        for place in sorted(self._folder.iterdir()):
            if place.name.startswith(_NEW) and self._ours(place.name.removeprefix(_NEW)):
                shutil.rmtree(place, ignore_errors=True)
            elif self._ours(place.name) and (book := self._book(place)) is not None:
                books.append(book)
        return books

    def _book(self, place: Path) -> Book | None:
        try:
            spec = msgspec.json.decode((place / "spec.json").read_bytes(), type=Spec)
            if spec.id != place.name:
                raise ValueError
            return Book(spec, Journal(place / "journal.jsonl").read())
        except (OSError, ValueError):
            log.warning("a batch on disk cannot be read", extra={"detail": place.name})
            return None

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """Give the folder for the inputs of a batch that is being made; what was not :meth:`add`-ed is removed."""
        place = self._folder / f"{_NEW}{name}"
        (place / "inputs").mkdir(mode=0o700, parents=True)
        (place / "results").mkdir(mode=0o700)
        try:
            yield place / "inputs"
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def add(self, spec: Spec) -> Book:
        """Keep a batch whose inputs are complete; from now on it survives a restart."""
        place = self._folder / f"{_NEW}{spec.id}"
        save(place / "spec.json", [msgspec.json.encode(spec)])
        settle(place, self._folder / spec.id)
        return Book(spec)

    def journal(self, name: str) -> Journal:
        """Return the journal of a batch."""
        return Journal(self._folder / name / "journal.jsonl")

    def input(self, name: str, index: int) -> Path:
        """Return where an item's input is."""
        return self._folder / name / "inputs" / f"{index:06d}"

    def result(self, name: str, index: int) -> Path:
        """Return where an item's result is, or will be."""
        return self._folder / name / "results" / f"{index:06d}"

    def part(self, name: str, index: int) -> Path:
        """Return where an item's result is written while it is made."""
        return self.result(name, index).with_suffix(".part")

    def keep(self, name: str, index: int) -> None:
        """The result is complete: from now on it is there."""
        part = self.part(name, index)
        with part.open("rb") as file:
            sync(file.fileno())
        settle(part, self.result(name, index))

    def remove(self, name: str) -> None:
        """Delete a batch with all that is in it."""
        shutil.rmtree(self._folder / name, ignore_errors=True)
