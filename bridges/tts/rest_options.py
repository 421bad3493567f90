"""What each voice behind HTTP can be told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from bridges.options import Remote

Rate = Literal[8000, 16000, 24000, 48000]


class RemoteVoice(Remote, frozen=True, kw_only=True):
    """What every voice behind HTTP can be told."""

    model: str = ""
    """The provider's name for the model; empty: its default, see docs/providers/text-to-speech.md."""
    voices: tuple[str, ...] = ()
    """The voices that callers may choose, the default first; empty: those of the vendor's documentation."""
    rate: Rate = 24000
    """Hz of the sound that the engine gives; what a provider makes at another rate is brought to it."""


class SpeechEndpoint(RemoteVoice, frozen=True, kw_only=True):
    """A server with ``POST audio/speech`` in OpenAI's shape."""

    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request's body, e.g. ``{lang_code: b}`` for Kokoro."""
    settings: tuple[str, ...] = ()
    """Fields of the body that a request for speech may set itself, by the names that the server knows."""


class OpenAIVoice(SpeechEndpoint, frozen=True, kw_only=True):
    """OpenAI; ``model`` is ``gpt-4o-mini-tts`` unless told."""

    organization: str = ""
    """``OpenAI-Organization``, where a key belongs to several."""
    project: str = ""
    """``OpenAI-Project``."""
    consent: str = ""
    """The id of a recorded consent (``cons_…``) for voices made from samples; empty: the first sample is the consent."""
    consent_language: str = "en-US"
    """The language of the consent's phrase."""


class AzureVoice(SpeechEndpoint, frozen=True, kw_only=True):
    """Azure OpenAI: ``url`` is the resource (``https://NAME.openai.azure.com``), ``model`` the name of your deployment."""

    api_version: str = ""
    """Empty: the address ``/openai/v1``; else that of the deployment, e.g. ``2025-04-01-preview``."""
    bearer: bool = False
    """``key`` is an Entra ID token, sent as ``Authorization: Bearer``; otherwise it is sent as ``api-key``."""

    def __post_init__(self) -> None:
        if not self.url or not self.model:
            raise ValueError("Azure needs the address of your resource (url) and the name of your deployment (model)")


class GroqVoice(SpeechEndpoint, frozen=True, kw_only=True):
    """Groq; ``model`` is ``canopylabs/orpheus-v1-english`` unless told."""


class CompatibleVoice(SpeechEndpoint, frozen=True, kw_only=True):
    """Any server with ``POST {url}/audio/speech``: Kokoro, Speaches, vLLM, …; ``url`` goes up to and with the version."""

    response_format: Literal["pcm", "wav"] = "pcm"
    """What is asked for; whatever of the two comes is understood."""
    pcm_rate: Annotated[int, Meta(ge=4000, le=192_000)] = 24000
    """Hz of the server's raw sound, which does not say it."""
    limit: Annotated[int, Meta(ge=20)] = 4096
    """Characters of one request; a longer text is spoken part by part."""

    def __post_init__(self) -> None:
        if not self.url:
            raise ValueError("a compatible server needs its url, e.g. http://127.0.0.1:8880/v1")


class GoogleVoice(RemoteVoice, frozen=True, kw_only=True):
    """Google Cloud Text-to-Speech; ``key`` is an API key, ``model`` is left out but for Gemini-TTS."""

    credentials: str = ""
    """The key of a service account, as JSON or the path of its file, in place of ``key``."""
    project: str = ""
    """Who pays (``x-goog-user-project``); empty: the project of the credentials."""
    language: str = ""
    """BCP 47, for voices whose names do not begin with it; empty: ``en-US``."""
    effects: tuple[str, ...] = ()
    """Audio profiles, e.g. ``telephony-class-application``."""

    def __post_init__(self) -> None:
        if not self.key and not self.credentials:
            raise ValueError("Google needs an API key (key) or a service account (credentials)")


class AzureSpeechVoice(RemoteVoice, frozen=True, kw_only=True):
    """Azure AI Speech: ``region`` is that of the resource, or ``url`` its whole address."""

    region: str = ""
    """E.g. ``westeurope``."""
    bearer: bool = False
    """``key`` is an access token, sent as ``Authorization: Bearer``; otherwise it is a subscription key."""
    language: str = ""
    """BCP 47, for voices whose names do not begin with it; empty: ``en-US``."""

    def __post_init__(self) -> None:
        if not self.region and not self.url:
            raise ValueError("Azure AI Speech needs the region of your resource, e.g. westeurope, or its url")
