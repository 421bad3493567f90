"""The configuration as frozen structs with a sentence under every field; :mod:`mediaserver.configfile` reads it from YAML.

The server starts without a file: every field has its default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from mediaserver.audioconfig import Audio, check_audio
from mediaserver.cacheconfig import AudioLinks, Cache, check_cache, check_links
from mediaserver.errors import ConfigError
from mediaserver.personas import Persona
from mediaserver.section import Name, Seconds, Section
from mediaserver.section import Secret as Secret
from mediaserver.toolconfig import McpServer, ToolFiller, WebhookTool, check_offered, check_tools

Port = Annotated[int, Meta(ge=0, le=65535)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 30)]
Scope = Literal[
    "calls:create",
    "calls:control",
    "calls:listen",
    "calls:whisper",
    "calls:takeover",
    "metrics:read",
    "audio:use",
    "voices:manage",
]


class Tls(Section, frozen=True):
    """How the server proves who it is; browsers give a microphone only to https pages or to localhost."""

    mode: Literal["off", "self-signed", "files"] = "off"
    """``off``: http. ``self-signed``: a certificate made at start, its fingerprint is printed. ``files``: your own."""
    certificate: str = ""
    """Path of the PEM file with the certificate chain, for ``files``."""
    key: str = ""
    """Path of the PEM file with the private key, for ``files``."""
    directory: str = ""
    """Where a self-signed certificate is kept between starts; empty: a new one at every start, in memory."""


class Server(Section, frozen=True):
    """The HTTP door."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for all of IPv4, ``::`` for all addresses."""
    port: Port = 8080
    """TCP port; 0 takes a free one."""
    workers: Annotated[int, Meta(ge=1, le=256)] | Literal["auto"] = 1
    """Processes that share the calls, each with its own limits; ``auto``: one per core that the server may use."""
    tls: Tls = Tls()
    """How the server proves who it is."""
    public_url: str = ""
    """The address under which callers reach this server, when a proxy or a name stands in front of it."""
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may call (``https://app.example``), ``*`` for all; this machine's own are always allowed."""
    max_body: Bytes = 512 * 1024
    """Largest request body in bytes."""
    drain_s: Annotated[float, Meta(ge=0, le=86_400)] = 10.0
    """After the first signal to stop, calls may go on for this long; a second signal ends them at once."""


class Media(Section, frozen=True):
    """The media port: one UDP port carries the sound of all calls."""

    port: Port = 8081
    """UDP port, the same on every address; 0 takes a free one. Further workers have the ports after it."""
    addresses: tuple[str, ...] = ()
    """Addresses to bind and to tell callers; empty: all useful ones of this machine. ``public/own`` behind a NAT 1:1."""
    loopback: bool = True
    """Also 127.0.0.1 and ::1, for callers on this machine."""
    setup_timeout_s: Seconds = 10.0
    """An offer that did not become a connected call by then is forgotten."""
    silence_notice_s: Seconds = 5.0
    """Nothing heard from a caller for this long is noticed."""
    silence_end_s: Seconds = 30.0
    """Nothing heard from a caller for this long ends its connection, and the call."""
    resume_s: Seconds = 60.0
    """A call that can go on over a new connection waits for one this long before it ends."""
    max_calls: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Peers that the port holds at once, connecting ones included; in each worker."""
    max_pending: Annotated[int, Meta(ge=1, le=100_000)] = 200
    """How many of them may still be connecting."""
    red: Literal["off", "auto", "always"] = "auto"
    """Copies of earlier packets in later ones (RFC 2198), with callers who offer it: when there is loss, or always."""


class Opus(Section, frozen=True):
    """How sound is encoded for callers that speak Opus."""

    bitrate: Annotated[int, Meta(ge=6_000, le=128_000)] = 32_000
    """Bits per second, mono."""
    complexity: Annotated[int, Meta(ge=0, le=10)] = 5
    """CPU against quality, 0..10."""
    dtx: bool = True
    """Ask callers to send nothing while they are silent."""


class Sessions(Section, frozen=True):
    """How many conversations, and how long each."""

    max: Annotated[int, Meta(ge=1, le=100_000)] = 500
    """Conversations at once in each worker; one more is answered 503 with Retry-After."""
    max_duration_s: Seconds | None = 3600.0
    """Longest conversation; ``null`` for no limit."""
    idle_s: Seconds | None = 300.0
    """A conversation in which nobody speaks for this long ends; ``null`` for no limit."""
    connect_s: Annotated[float, Meta(gt=0, le=15)] = 15.0
    """A model has this long to become ready; the caller's first words are kept meanwhile."""
    max_items: Annotated[int, Meta(ge=2, le=100_000)] = 2000
    """Items (each turn of either side is one) that a conversation remembers; the oldest are forgotten."""


class Turns(Section, frozen=True):
    """When a turn starts and ends, unless the client says otherwise; names and meanings of the Realtime contract."""

    detection: Literal["server_vad", "semantic_vad", "off"] = "server_vad"
    """``off``: the client ends its turns by itself (push-to-talk)."""
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Higher needs louder and clearer speech."""
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5_000)] = 300
    """Sound kept from before the first voiced sample."""
    silence_duration_ms: Annotated[int, Meta(ge=20, le=10_000)] = 500
    """Silence that ends a turn."""
    interrupt_response: bool = True
    """Speaking stops the reply."""
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    """For ``semantic_vad``: how soon to answer."""
    detector: Literal["webrtc", "levels", "silero"] = "webrtc"
    """What tells voice from other sound; ``silero`` needs ``pip install 'mediaserver[silero]'``."""
    silero_model: str = ""
    """Path of Silero's ONNX file; empty: that of the installed package ``silero-vad``."""
    end_model: str = ""
    """Path of a Smart Turn ONNX file, version 3, which ``semantic_vad`` weighs; needs ``mediaserver[smart-turn]``."""


class Model(Section, frozen=True):
    """One name that callers may ask for, and the way out behind it."""

    bridge: Name = "hybrid"
    """``hybrid``: speech recognition, a language model and a voice. ``echo``: the caller's own sound."""
    description: Annotated[str, Meta(max_length=300)] = ""
    """One sentence for people."""
    instructions: Annotated[str, Meta(max_length=65_536)] = ""
    """What the model is told when the client tells it nothing."""
    voice: Annotated[str, Meta(max_length=256)] = ""
    """The voice when the client names none; empty: the engine's first."""
    stt: dict[str, Any] = field(default_factory=dict)
    """``engine`` and its options: how speech is written down."""
    llm: dict[str, Any] = field(default_factory=dict)
    """``engine`` and its options: who writes the answer."""
    tts: dict[str, Any] = field(default_factory=dict)
    """``engine`` and its options: who speaks it."""
    deadlines: dict[str, float] = field(default_factory=dict)
    """How long each step of the chain may take, in seconds."""

    speculate: Literal["", "off", "text", "speech"] = ""
    """What of the chain's answer is begun before the turn is certain to be over, see docs/hybrid.md; empty: ``text``."""
    persona: str = ""
    """One of ``personas``: how this model is in every call that asks for no other."""

    provider: dict[str, Any] = field(default_factory=dict)
    """For a realtime provider: its ``key``, ``model``, ``url`` and the rest, see its page in docs/providers."""
    fallbacks: tuple[str, ...] = ()
    """Models of this file that go on with the call when this one fails, in this order."""
    tools: tuple[str, ...] | None = None
    """Which of ``tools`` and ``mcp_servers`` this model is offered besides the caller's own; ``null``: all of them."""

    recording: bool = True
    """Whether calls of this model are recorded, where ``recording.folder`` says that calls are."""

    def options(self) -> dict[str, Any]:
        """Return what the bridge is told; only what is set."""
        chosen: dict[str, Any] = {"stt": self.stt, "llm": self.llm, "tts": self.tts, "deadlines": self.deadlines}
        chosen["speculate"] = self.speculate
        return {name: value for name, value in chosen.items() if value} | self.provider

    def __repr__(self) -> str:
        """Show no options: they may hold keys."""
        return f"Model(bridge={self.bridge!r})"


class Key(Section, frozen=True):
    """Who may call. Give ``key`` or ``sha256``."""

    name: Name
    """Who this is, in logs."""
    key: Secret | None = None
    """The key itself, best as ``${NAME}`` or ``${file:/path}``."""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    """Its SHA-256 in hex, so that the key is not on this machine: ``printf %s KEY | sha256sum``."""
    scopes: tuple[Scope, ...] = ("calls:create", "calls:control", "audio:use")
    """What it may do: open calls; steer and hang up its own; listen in on them, whisper to the model, speak in its place;
    read the server's metrics; have files written down and texts spoken; make and delete voices at a provider."""
    models: tuple[str, ...] | None = None
    """Models that it may ask for; ``null`` for all."""
    origins: tuple[str, ...] | None = None
    """Web origins that may use it; ``null`` for any, and for callers that are no web page."""
    memory: bool = False
    """Whether personas with a memory may know this key's callers again, by ``OpenAI-Safety-Identifier``."""


class Development(Section, frozen=True):
    """The key that makes a first try work."""

    enabled: bool = True
    """Accept ``sk-local`` from this machine's own loopback addresses, and from nowhere else."""


class Noise(Section, frozen=True):
    """Noise behind the callers' voices; needs ``pip install 'mediaserver[denoise]'``."""

    suppress: Literal["off", "on_request", "always"] = "off"
    """Taken out for every call, or for clients that set ``noise_reduction`` where the provider does not do it by itself."""


class Recording(Section, frozen=True):
    """Both sides of every call as one stereo file, the caller left and the server right. You need the caller's consent."""

    folder: str = ""
    """Where the files go, named after their calls; empty: nothing is recorded."""
    format: Literal["wav", "opus"] = "wav"
    """``wav``: PCM, 345 MB an hour at 24 kHz. ``opus``: Ogg Opus, 29 MB an hour."""


class Logs(Section, frozen=True):
    """What is written to stderr. Never bodies, keys, sound or transcripts, at any level."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "json", "text"] = "auto"
    """``json``: one object per line. ``text``: for people. ``auto``: text on a terminal, else JSON."""


Moment = Annotated[float, Meta(gt=0, le=60)]
Phrase = Annotated[str, Meta(max_length=300)]


class Continuity(Section, frozen=True):
    """How a call outlives its provider: when it counts as gone, and what the caller hears when there is no other."""

    stall_s: Moment = 1.5
    """An answer is due, and the provider gives no sign of life whatever, for so long: another one goes on."""
    slow_s: Moment = 8.0
    """An answer is due, the provider lives but does not answer, for so long: another one goes on."""
    silent_s: Moment = 10.0
    """A provider that does not answer pings for so long is gone."""
    switch_s: Moment = 2.0
    """After a failure the next provider has this long to get ready; a further one is tried beside a slow one."""
    give_up_s: Moment = 2.5
    """With no provider ready after this long, the caller hears the apology, and the call ends."""
    margin_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """So long before a provider ends its session the next session is opened; it takes over between two turns."""
    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    """Sessions opened in one failure before giving up."""
    apology: Phrase = "I am sorry, there is a technical problem and I cannot go on. Please call again. Goodbye."
    """Said when no provider is left; empty: nothing is."""
    moment: Phrase = ""
    """Said when an answer takes long, e.g. ``One moment, please.``; empty: nothing is."""


def _models() -> dict[str, Model]:
    return {
        "local": Model(description="Hears, answers and speaks on this machine; no key, no network."),
        "echo": Model(bridge="echo", description="Your own voice back, through the whole path."),
    }


class Config(Section, frozen=True):
    """All of it."""

    server: Server = Server()
    """The HTTP door."""
    media: Media = Media()
    """The media port."""
    opus: Opus = Opus()
    """How sound is encoded."""
    sessions: Sessions = Sessions()
    """How many conversations, and how long each."""
    turns: Turns = Turns()
    """When a turn starts and ends."""
    models: Annotated[dict[Name, Model], Meta(min_length=1)] = field(default_factory=_models)
    """Every name that callers may ask for."""
    default_model: str = "local"
    """The model of a call that names none."""
    personas: dict[Name, Persona] = field(default_factory=dict)
    """Ways for a model to be, by the name under which clients ask for them."""
    keys: tuple[Key, ...] = ()
    """Who may call."""
    development_key: Development = Development()
    """The key that makes a first try work."""
    tools: tuple[WebhookTool, ...] = ()
    """Functions that models may call and that a web server executes."""
    mcp_servers: dict[Name, McpServer] = field(default_factory=dict)
    """Servers whose tools models may call, by a label of your choice; needs ``pip install 'mediaserver[mcp]'``."""
    tool_filler: ToolFiller = ToolFiller()
    """What is said while a tool takes its time."""
    continuity: Continuity = Continuity()
    """How a call outlives its provider."""
    noise: Noise = Noise()
    """What is done against noise."""
    recording: Recording = Recording()
    """Calls as files of sound."""
    cache: Cache = Cache()
    """What is kept of what was spoken and written down."""
    audio_links: AudioLinks = AudioLinks()
    """Speech as files under signed addresses."""
    audio: Audio = Audio()
    """The audio API: files to text, texts to speech."""
    logs: Logs = Logs()
    """What is written to stderr."""


def _check_fallbacks(config: Config) -> None:
    for name, model in config.models.items():
        for other in model.fallbacks:
            if other not in config.models or other == name:
                raise ConfigError(f"models.{name}.fallbacks", "names what is not another one of models")


def _check_personas(config: Config) -> None:
    for name, model in config.models.items():
        if model.persona and model.persona not in config.personas:
            raise ConfigError(f"models.{name}.persona", "is not one of personas")
    for name, persona in config.personas.items():
        check_offered(f"personas.{name}.tools", persona.tools, config.tools, config.mcp_servers)


def check(config: Config) -> None:
    """Refuse what each value allows but all together do not."""
    if config.default_model not in config.models:
        raise ConfigError("default_model", "is not one of models")
    _check_fallbacks(config)
    _check_personas(config)
    for index, key in enumerate(config.keys):
        if (key.key is None) == (key.sha256 is None):
            raise ConfigError(f"keys[{index}]", "needs either key or sha256")
        for model in key.models or ():
            if model not in config.models and model not in config.audio.models:
                raise ConfigError(f"keys[{index}].models", "names a model that is not one of models")
    if len({key.name for key in config.keys}) != len(config.keys):
        raise ConfigError("keys", "two keys have the same name")
    check_tools(config.tools, config.mcp_servers)
    check_cache(config.cache)
    check_links(config.audio_links)
    check_audio(config.audio)
    for name, chosen in config.models.items():
        check_offered(f"models.{name}.tools", chosen.tools, config.tools, config.mcp_servers)
    tls = config.server.tls
    if tls.mode == "files" and not (tls.certificate and tls.key):
        raise ConfigError("server.tls", "mode 'files' needs certificate and key")
    if config.media.silence_notice_s >= config.media.silence_end_s:
        raise ConfigError("media.silence_notice_s", "must be less than media.silence_end_s")
