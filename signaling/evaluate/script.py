"""A scripted caller as it is written down: YAML into structs, or a sentence that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta

MAX_BYTES = 64 * 1024

Kind = Literal["turn", "barge_in", "backchannel", "noise"]
"""What a sound of the caller is meant to be; a backchannel and a noise are no reason to stop a reply."""

Ms = Annotated[int, Meta(ge=0, le=600_000)]
Burst = Literal["cough", "knock", "typing", "horn"]
Colour = Literal["white", "pink", "babble"]


class ScriptError(ValueError):
    """A script cannot be used; the message is for a person."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When something begins, by one of these, in milliseconds: since the call began, since the sound before ended, since the
    reply to the last turn began to be heard, since that reply fell silent."""

    call_ms: Ms | None = None
    after_ms: Ms | None = None
    reply_ms: Ms | None = None
    silence_ms: Ms | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the caller does: a sound (``say``, ``wav``, ``clip`` or ``sound``), a pause within a turn, or the end.

    ``text`` is what a recording says, ``speed`` the pace of ``say``, ``level_db`` the RMS level of its voice in dBFS.
    """

    say: str | None = None
    wav: str | None = None
    clip: str | None = None
    sound: Burst | None = None
    pause_ms: Ms | None = None
    hang_up: Literal[True] | None = None
    text: str | None = None
    speed: Annotated[float, Meta(ge=0.5, le=2.0)] = 1.0
    level_db: Annotated[float, Meta(ge=-60, le=-6)] = -24.0
    kind: Kind | None = None
    name: str = ""
    when: When | None = None

    @property
    def audible(self) -> bool:
        """Something is heard of it."""
        return any(one is not None for one in (self.say, self.wav, self.clip, self.sound))


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A noise under the whole call, ``snr_db`` below the voice."""

    kind: Colour = "pink"
    snr_db: Annotated[float, Meta(ge=-20, le=60)] = 20.0


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the scripted agent of ``--in-process`` answers: so many seconds of sound."""

    seconds: Annotated[float, Meta(gt=0, le=60)] = 4.0
    text: str = "This is what the agent says."


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something must happen: ``within_ms`` after the sound called ``after`` (the last one, unless named) has ended.

    ``reply_stops`` counts from where that sound begins. ``heard`` looks for ``words`` in what was written down.
    """

    event: Literal["turn_ended", "reply_begins", "reply_stops", "reply_resumes", "heard"]
    within_ms: Ms = 10_000
    after: str = ""
    words: str = ""


class Forbid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something must not happen ``during`` any pause within a turn, the whole call, or a sound and ``tail_ms`` more."""

    event: Literal["turn_ended", "reply_begins", "reply_stops"]
    during: str = "pauses"
    tail_ms: Ms = 1500


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A caller. ``listen_ms``: how long it waits for an answer before it hangs up or goes on without."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    caller: tuple[Step, ...]
    about: str = ""
    noise: Noise | None = None
    replies: tuple[Reply, ...] = (Reply(),)
    expect: tuple[Expect, ...] = ()
    forbid: tuple[Forbid, ...] = ()
    listen_ms: Ms = 6000


def parse(text: str, where: str) -> Script:
    """Return the script of a YAML text; ``where`` is named in complaints. Raises ScriptError."""
    if len(text) > MAX_BYTES:
        raise ScriptError(f"{where}: longer than {MAX_BYTES} bytes")
    try:
        script = msgspec.convert(yaml.safe_load(text), Script)
    except yaml.YAMLError as problem:
        raise ScriptError(f"{where}: no YAML: {' '.join(str(problem).split())}") from None
    except msgspec.ValidationError as problem:
        raise ScriptError(f"{where}: {problem}") from None
    for complaint in complaints(script):
        raise ScriptError(f"{where}: {complaint}")
    return script


def load(paths: Iterable[Path]) -> list[Script]:
    """Read scripts and folders of scripts (``*.yaml``, in order of name). Raises ScriptError, also for two of one name."""
    scripts: dict[str, Script] = {}
    for path in _files(paths):
        try:
            script = _placed(parse(path.read_text(), str(path)), path.parent)
        except (OSError, UnicodeDecodeError) as problem:
            raise ScriptError(f"{path} cannot be read: {problem}") from None
        if script.name in scripts:
            raise ScriptError(f"{path}: there is another script called {script.name}")
        scripts[script.name] = script
    return list(scripts.values())


def _placed(script: Script, folder: Path) -> Script:
    """Return the script with its ``wav:`` files where they lie: beside it."""
    steps = (
        step if step.wav is None else msgspec.structs.replace(step, wav=str(folder / step.wav))
        for step in script.caller
    )
    return msgspec.structs.replace(script, caller=tuple(steps))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.glob("*.yaml"))
        if not found:
            raise ScriptError(f"{path}: no *.yaml in this folder")
        yield from found


def complaints(script: Script) -> Iterator[str]:
    """Yield what is wrong with a script that a type cannot say."""
    for number, step in enumerate(script.caller):
        for complaint in _of_step(step, script.caller[:number]):
            yield f"caller[{number}]: {complaint}"
        if step.hang_up and number + 1 < len(script.caller):
            yield f"caller[{number}]: nothing follows hang_up"
    if script.caller and script.caller[-1].pause_ms is not None:
        yield "the last step is a pause: it joins two sounds of one turn"
    if not any(step.audible or step.hang_up for step in script.caller):
        yield "the caller neither says anything nor hangs up"
    if not script.replies:
        yield "replies: at least one"
    names = {step.name for step in script.caller if step.name}
    yield from _unknown("after", [one.after for one in script.expect if one.after], names)
    yield from _unknown("during", [one.during for one in script.forbid], names | {"pauses", "call"})
    yield from (
        f"expect heard wants words: {one}" for one in script.expect if (one.event == "heard") != bool(one.words)
    )


def _of_step(step: Step, before: Sequence[Step]) -> Iterator[str]:
    acts = (step.say, step.wav, step.clip, step.sound, step.pause_ms, step.hang_up)
    if sum(act is not None for act in acts) != 1:
        yield "one of say, wav, clip, sound, pause_ms, hang_up"
    if step.say is not None and not step.say.strip():
        yield "say: there are no words"
    if step.pause_ms is not None and (not before or not before[-1].audible):
        yield "a pause joins two sounds of one turn; between turns use when"
    if step.when is not None:
        yield from _of_when(step, before)


def _of_when(step: Step, before: Sequence[Step]) -> Iterator[str]:
    assert step.when is not None  # noqa: S101  # asked by the caller
    given = [name for name in When.__struct_fields__ if getattr(step.when, name) is not None]
    if len(given) != 1:
        yield "when: one of call_ms, after_ms, reply_ms, silence_ms"
    if before and before[-1].pause_ms is not None:
        yield "when begins another turn: no pause before it"
    if step.pause_ms is not None:
        yield "a pause has no when"


def _unknown(field: str, used: Sequence[str], names: set[str]) -> Iterator[str]:
    yield from (f"{field}: no sound is called {name}" for name in used if name not in names)
