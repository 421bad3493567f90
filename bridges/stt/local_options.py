"""What the engines can be told that write down speech on this machine with a model of the operator's."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from bridges.options import Options, Seconds, Workers
from bridges.stt.options import Often


class OwnModel(Options, frozen=True, kw_only=True):
    """What all of them can be told. Nothing is ever fetched from a network."""

    model: Annotated[str, Meta(min_length=1)]
    """The directory of the model."""
    workers: Workers = 1
    """Processes, each with the model in its memory: as many turns are written down at the same moment."""
    max_wait_s: Seconds = 8.0
    """A turn that got no worker for this long after its end fails."""
    max_turn_s: Seconds = 120.0
    """Speech kept per turn; what is beyond is not written down."""
    file_s: Seconds = 300.0
    """A file, or a piece of a long one, that is not written down after this long fails."""
    load_s: Seconds = 120.0
    """A worker that has not loaded the model after this long is replaced."""


class Vosk(OwnModel, frozen=True, kw_only=True):
    """Vosk, while the caller speaks."""

    language: Annotated[str, Meta(min_length=2)]
    """What the model knows, e.g. ``en``: the model does not say so itself."""


class FasterWhisper(OwnModel, frozen=True, kw_only=True):
    """A Whisper model in CTranslate2's form, turn by turn."""

    language: str = ""
    """What is spoken where a session or a request names no language, e.g. ``en``; empty: the model finds out."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it computes."""
    compute_type: Literal[
        "default",
        "auto",
        "int8",
        "int8_float32",
        "int8_float16",
        "int8_bfloat16",
        "int16",
        "float16",
        "bfloat16",
        "float32",
    ] = "default"
    """In which numbers; ``default``: those of the model."""
    beam: Annotated[int, Meta(ge=1, le=20)] = 5
    """Hypotheses followed at once; 1 is the fastest."""
    threads: Annotated[int, Meta(ge=0, le=256)] = 0
    """Of each worker on the CPU; 0: as CTranslate2 likes, four at most."""
    partials_every_s: Often | None = None
    """Write down what was said so far, every so often while the caller still speaks; empty: never."""
    on_pause: bool = False
    """Write down what was said in each pause that may be the end of the turn: the text is there as soon as it is over."""
