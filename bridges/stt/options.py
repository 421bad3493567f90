"""What the engines that write down speech can be told, but for the embedded one (:mod:`bridges.options`)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bridges.options import Remote, Seconds, Seconds3600

Often = Annotated[float, Meta(ge=0.5, le=60)]
Bytes = Annotated[int, Meta(ge=100_000, le=2 << 30)]


class Whole(Remote, frozen=True, kw_only=True):
    """What engines can be told that get a turn of a call when it is complete."""

    model: str = ""
    """The provider's name for the model; empty: its default, see docs/providers/speech-to-text.md."""
    language: str = ""
    """What is spoken where a session or a request names no language, e.g. ``en``; empty: the model finds out."""
    answer_s: Seconds = 120.0
    """Time to the first byte of an answer: a long file takes a while. A call waits no longer than its own deadline."""
    max_turn_s: Seconds3600 = 120.0
    """Speech kept per turn; what is beyond is not written down."""
    partials_every_s: Often | None = None
    """Write down what was said so far, every so often while the caller still speaks. Each time is paid for; empty: never."""
    on_pause: bool = False
    """Write down what was said in each pause that may be the end of the turn: the text is there as soon as the turn is over.
    A pause that was not the end is paid for too."""


class OpenAIShape(Whole, frozen=True, kw_only=True):
    """What every server of the OpenAI shape can be told."""

    like: str = ""
    """A model that this one is like, where its name does not say what it can (``whisper-1``, ``gpt-4o-transcribe``, …)."""
    max_bytes: Bytes = 25 * 1024 * 1024
    """The largest file the account may send."""


class OpenAI(OpenAIShape, frozen=True, kw_only=True):
    """OpenAI; ``model`` is ``gpt-transcribe`` unless told."""

    organization: str = ""
    """``OpenAI-Organization``, where a key belongs to several."""
    project: str = ""
    """``OpenAI-Project``."""


class Azure(OpenAIShape, frozen=True, kw_only=True):
    """Azure OpenAI: ``url`` is the resource (``https://NAME.openai.azure.com``), ``model`` the name of your deployment."""

    api_version: str = ""
    """Empty: the path ``/openai/v1``; else that of deployments with this version, e.g. ``2025-04-01-preview``."""
    bearer: bool = False
    """``key`` is an Entra ID token, sent as ``Authorization: Bearer``; otherwise it is sent as ``api-key``."""

    def __post_init__(self) -> None:
        if not self.url or not self.model:
            raise ValueError("Azure needs the address of your resource (url) and the name of your deployment (model)")


class Groq(OpenAIShape, frozen=True, kw_only=True):
    """Groq; ``model`` is ``whisper-large-v3-turbo`` unless told. A paid account may send 100 MB (``max_bytes``)."""


class Compatible(OpenAIShape, frozen=True, kw_only=True):
    """Any server with ``POST {url}/audio/transcriptions`` in OpenAI's shape; ``url`` is up to and with the version."""

    def __post_init__(self) -> None:
        if not self.url or not self.model:
            raise ValueError("a server of your own needs its address (url) and the name of its model (model)")


class Google(Whole, frozen=True, kw_only=True):
    """Google Cloud Speech-to-Text v2; ``model`` is ``chirp_3`` unless told. A turn is at most a minute."""

    credentials: str = ""
    """A service account's key: the path of its JSON file, or the JSON itself, best as ``${NAME}``. Else ``key`` is sent."""
    project: str = ""
    """The project; empty: the service account's own."""
    location: Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}$")] = "us"
    """Where it is done: ``us``, ``eu``, ``global``, ``us-central1``, …; not every model is everywhere."""
    recognizer: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,63}$")] = "_"
    """A recognizer of the project; ``_`` is the one that is always there."""
    billed_project: str = ""
    """The project whose quota is used (``x-goog-user-project``); empty: that of the credentials."""
    max_turn_s: Seconds3600 = 60.0
    """Speech kept per turn; what is beyond is not written down."""

    def __post_init__(self) -> None:
        if not self.credentials and not (self.key and self.project):
            raise ValueError("Google needs a service account's key (credentials), or an API key and the project")
