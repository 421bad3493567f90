"""What each way out can be told, as structs that refuse unknown keys; a sentence under each field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from mediaserver.audio.opus import libopus

Workers = Annotated[int, Meta(ge=1, le=64)]
Seconds3600 = Annotated[float, Meta(gt=0, le=86_400)]
Seconds = Annotated[float, Meta(gt=0, le=600)]
Count = Annotated[int, Meta(ge=1)]


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all options."""


class Echo(Options, frozen=True):
    """The caller's own sound back; nothing to choose."""


class Provider(Options, frozen=True):
    """What every realtime provider can be told. A key is sent to ``url``'s host and to no other."""

    key: str = ""
    """The provider's API key, best as ``${NAME}``."""
    url: str = ""
    """Another address than the vendor's own: a proxy, a region's host, a simulator. Empty: the vendor's."""
    model: str = ""
    """The provider's name for the model; empty: its default, see its page in docs/providers."""
    voices: tuple[str, ...] = ()
    """The voices that callers may choose; empty: those of the vendor's documentation."""
    region: str = ""
    """A name for the place of this account; circuit breakers are kept for each provider and region."""
    max_session_s: Seconds3600 | None = None
    """The provider ends a session after so long; before that the call moves on to a new one. Empty: the documented cap."""
    dial_s: Seconds = 5.0
    """Time for a request that has to come before the connection."""
    connect_s: Seconds = 2.0
    """Time to connect."""
    ready_s: Seconds = 5.0
    """Time until the provider has taken the configuration."""


class Remote(Options, frozen=True, kw_only=True):
    """What every engine behind HTTP can be told. A key is sent to ``url``'s host and to no other."""

    key: str = ""
    """The provider's API key, best as ``${NAME}``."""
    url: str = ""
    """Another address than the vendor's own: a proxy, a region's host, a server of yours. Empty: the vendor's."""
    connect_s: Seconds = 3.0
    """Time to connect."""
    answer_s: Seconds = 30.0
    """Time to the first byte of an answer."""
    between_s: Seconds = 15.0
    """Longest silence in the middle of an answer."""
    attempts: Annotated[int, Meta(ge=1, le=3)] = 3
    """Tries of one request, where nothing of its answer has come."""
    connections: Annotated[int, Meta(ge=1, le=1000)] = 200
    """Connections to the provider at once."""


class DeepgramAgent(Provider, frozen=True):
    """Deepgram's Voice Agent; ``model`` is the language model of its think stage (``gpt-4o-mini``)."""

    think_provider: str = "open_ai"
    """Who runs the language model: ``open_ai``, ``anthropic``, ``google``, ``groq``, ``aws_bedrock`` or ``deepgram``."""
    listen_model: str = ""
    """The speech model; empty: ``flux-general-en`` for English, ``nova-3`` for other languages."""
    language: str = ""
    """What callers speak where a session names no language; empty: English."""
    greeting: str = ""
    """Said at the start of a call."""
    audio: Literal["linear16", "opus"] = "linear16"
    """Sound on the wire, both ways: PCM16 at 24 kHz, or Opus, which callers' own packets are passed through as."""
    listen: dict[str, Any] = field(default_factory=dict)
    """Fields of Deepgram's ``agent.listen`` that stand over ours, e.g. ``{provider: {eot_threshold: 0.8}}``."""
    think: dict[str, Any] = field(default_factory=dict)
    """Fields of ``agent.think``, e.g. an ``endpoint`` of your own."""
    speak: dict[str, Any] = field(default_factory=dict)
    """Fields of ``agent.speak``; with another vendor's voice callers cannot choose one."""
    mip_opt_out: bool = False
    """Keep this account's sound out of Deepgram's model improvement program."""

    def __post_init__(self) -> None:
        if self.audio == "opus" and not libopus().functions:
            raise ValueError("Opus needs libopus, and none was found")


class Gemini(Provider, frozen=True, kw_only=True):
    """Google's Gemini Live; ``key`` is an API key or an ephemeral token, at Vertex an OAuth access token."""

    backend: Literal["gemini", "vertex"] = "gemini"
    """The Gemini API, or Vertex AI."""
    project: str = ""
    """Vertex: the project."""
    location: str = "us-central1"
    """Vertex: the place."""
    version: str = ""
    """The API's version; empty: ``v1beta`` (``v1beta1`` at Vertex)."""
    language: str = ""
    """The language of the voice, e.g. ``en-US``; empty: the model finds out."""
    thinking: Literal["", "minimal", "low", "medium", "high"] = ""
    """How much a thinking model thinks where a session names no ``reasoning_effort``; other models refuse it."""
    thinking_budget: Annotated[int, Meta(ge=-1, le=65_536)] | None = None
    """The same in tokens, for models that want it so: 0 is none, -1 as the model likes."""
    compression: bool = True
    """Let the provider forget the oldest turns, without which a session ends after 15 minutes of sound."""
    text_in: Literal["client_content", "realtime_input"] = "client_content"
    """How written turns are sent; ``gemini-3.1-flash-live-preview`` wants ``realtime_input``, which knows no context."""
    writes: Literal["transcript", "text"] = "transcript"
    """Written answers: the transcript of a spoken one (its sound is dropped, and paid for), or text of a model that can."""
    tool_behavior: Literal["", "blocking", "non_blocking"] = "blocking"
    """Whether the model waits for functions; extended-thinking models want ``non_blocking``. Empty: the model's default."""
    context_update: bool = False
    """The model takes new instructions and tools in mid-session (``contextUpdate``)."""
    usage: Literal["turn", "session"] = "turn"
    """What the model's token counts are of: each turn, or all of the session so far."""

    def __post_init__(self) -> None:
        if self.backend == "vertex" and not self.project and "/" not in self.model:
            raise ValueError("Vertex AI needs a project")


class GptLive(Provider, frozen=True):
    """OpenAI's GPT-Live, full duplex; ``model`` is ``gpt-live-1`` unless told."""

    delegate_model: str = ""
    """The Responses model that calls functions; empty: sessions have no functions."""
    delegate_instructions: str = ""
    """What that model is told; it does not see the session's instructions."""


class ElevenLabs(Provider, frozen=True, kw_only=True):
    """An ElevenLabs agent; with a ``key`` the conversation is opened by a signed URL, without one the agent is public."""

    agent_id: str
    """The agent's id (``agent_…``): its model, prompt, voice, tools and turn-taking are kept at ElevenLabs."""
    overrides: tuple[Literal["prompt", "first_message", "language", "voice", "speed", "text_only"], ...] = ()
    """What the agent's security settings let a client override; anything else would end the conversation."""
    first_message: str = ""
    """Said at the start instead of the agent's own, where ``first_message`` may be overridden."""
    language: str = ""
    """Spoken where a session names no language and ``language`` may be overridden."""
    dynamic_variables: dict[str, str | bool | int | float] = field(default_factory=dict)
    """Values for the agent's ``{{variables}}``."""
    custom_llm_extra_body: dict[str, Any] = field(default_factory=dict)
    """Passed on to an agent's own language model."""
    end_of_reply_s: Seconds = 1.0
    """The agent says nothing about the end of its sound: after so long without more an answer is complete."""


class Ultravox(Provider, frozen=True):
    """Ultravox Realtime over its server WebSocket; ``model`` is its default (``ultravox-v0.7`` at present) unless told."""

    agent_id: str = ""
    """A stored agent: its prompt, voice, model and tools are its own. Empty: each call is described by its session."""
    template_context: dict[str, Any] = field(default_factory=dict)
    """Values for the variables of a stored agent."""
    join_hosts: tuple[str, ...] = ()
    """Hosts besides ``*.ultravox.ai`` and ``url``'s own to which a call may send us."""
    first_speaker: Literal["user", "agent"] = "user"
    """Who speaks first in a call without a history."""
    language: str = ""
    """A hint (BCP 47) where a session names no language."""
    tool_timeout_s: Annotated[float, Meta(gt=0, le=40)] = 20.0
    """How long the model waits for a function; Ultravox's own default is 2.5 s, its highest 40 s."""


class OpenAI(Provider, frozen=True, kw_only=True):
    """OpenAI's Realtime API; ``model`` is ``gpt-realtime-2.1`` unless told."""

    audio_format: Literal["pcm", "pcmu", "pcma"] = "pcm"
    """Sound on the wire: PCM16 at 24 kHz, or G.711 at 8 kHz with a sixth of the bytes."""
    transcription_model: str = "gpt-transcribe"
    """Writes down what callers say where a session asks for a model that the provider does not have."""
    organization: str = ""
    """``OpenAI-Organization``, where a key belongs to several."""
    project: str = ""
    """``OpenAI-Project``."""


class Azure(Provider, frozen=True, kw_only=True):
    """Azure OpenAI: ``url`` is the resource (``https://NAME.openai.azure.com``), ``model`` the name of your deployment."""

    audio_format: Literal["pcm", "pcmu", "pcma"] = "pcm"
    """Sound on the wire: PCM16 at 24 kHz, or G.711 at 8 kHz with a sixth of the bytes."""
    transcription_model: str = "whisper-1"
    """A deployment or model of the resource that writes down what callers say."""
    api_version: str = ""
    """Empty: the generally available form (``/openai/v1``); else the preview form, e.g. ``2025-04-01-preview``."""
    bearer: bool = False
    """``key`` is an Entra ID token, sent as ``Authorization: Bearer``; otherwise it is sent as ``api-key``."""


class Xai(Provider, frozen=True, kw_only=True):
    """xAI's Grok Voice; ``model`` is ``grok-voice-3.0`` unless told."""

    audio_format: Literal["pcm", "pcmu", "pcma"] = "pcm"
    """Sound on the wire: PCM16 at 24 kHz, or G.711 at 8 kHz with a sixth of the bytes."""
    transcription_model: str = "grok-transcribe"
    """Writes down what callers say."""
    resume: bool = True
    """Let the provider keep the conversation, so that a new connection goes on where a lost one ended."""


class LocalRecogniser(Options, frozen=True):
    """Speech recognition with pocketsphinx in worker processes (English only)."""

    workers: Workers = 2
    """Processes, each with one decoder (about 130 MB): as many callers can speak at the same moment without waiting."""
    max_wait_s: Seconds = 8.0
    """A turn that got no worker for this long after its end fails."""
    max_turn_s: Seconds = 120.0
    """Speech kept per turn; what is beyond is not written down."""
    file_s: Seconds = 300.0
    """A file, or a piece of a long one, that is not written down after this long fails."""


class LocalResponder(Options, frozen=True):
    """The built-in demo dialogue, which is no language model; nothing to choose."""


class OpenAICompatible(Options, frozen=True):
    """Any server with ``POST {base_url}/chat/completions`` in OpenAI's shape: OpenAI, Ollama, llama.cpp, vLLM, Groq, …"""

    base_url: str
    """Up to and with the version, e.g. ``http://127.0.0.1:11434/v1``."""
    model: str
    """The name the server knows the model by."""
    key: str = ""
    """Sent as ``Authorization: Bearer``; empty: nothing is sent."""
    connect_s: Seconds = 3.0
    """Time to connect."""
    first_token_s: Seconds = 20.0
    """Time to the first byte of the answer; a local server may load its model first."""
    between_tokens_s: Seconds = 15.0
    """Longest silence in the middle of an answer."""
    max_tokens_field: str = "max_completion_tokens"
    """Older servers want ``max_tokens``; reasoning models refuse that one."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request body, e.g. ``{reasoning_effort: none}``."""


class LocalVoice(Options, frozen=True):
    """The first voice that is installed: SVOX Pico, flite, or eSpeak NG in a process of its own."""

    engine_order: tuple[str, ...] = ("pico", "flite", "espeak")
    """Which to try, in this order."""
    workers: Workers = 1
    """Processes; one speaks about fifty times faster than real time."""
    max_wait_s: Seconds = 4.0
    """A clause that got no worker for this long fails."""


class Fallbacks(Options, frozen=True, kw_only=True):
    """What every engine of the chain can be told besides its own options: who goes on when it fails."""

    fallbacks: tuple[dict[str, Any], ...] = ()
    """Further engines, each ``engine`` and its options, in this order."""
    begin_s: Seconds = 1.5
    """An engine that has given nothing for so long is left to go on, and the next is asked beside it."""
    stall_s: Seconds = 4.0
    """An engine that gives nothing more in the middle of an answer for so long has failed."""


class Deadlines(Options, frozen=True):
    """How long each step of the chain may take, in seconds; beyond it the response fails and the call goes on."""

    warm_s: Seconds = 20.0
    """Engines ready after the call began."""
    transcript_s: Seconds = 10.0
    """Transcript after the end of speech."""
    first_text_s: Seconds = 20.0
    """First written text after the request to the language model."""
    next_text_s: Seconds = 15.0
    """Each further text."""
    clause_s: Seconds = 8.0
    """Each piece of a clause's sound."""
    stall_s: Seconds = 0.4
    """Written text that waits for more is spoken after this long."""


Speculation = Literal["off", "text", "speech"]


class Hybrid(Options, frozen=True):
    """Speech-to-text, a language model and text-to-speech as one bridge; ``engine`` in each chooses its row."""

    stt: dict[str, Any] = field(default_factory=dict)
    """``engine: local`` and the options of that engine."""
    llm: dict[str, Any] = field(default_factory=dict)
    """``engine: local`` or ``openai_compatible`` and the options of that engine."""
    tts: dict[str, Any] = field(default_factory=dict)
    """``engine: local`` and the options of that engine."""
    deadlines: Deadlines = Deadlines()
    """How long each step may take."""
    speculate: Speculation = "text"
    """What is begun when the caller's turn is likely to be over, and thrown away, but paid for, when it was not: ``text``:
    the language model's answer; ``speech``: also the sound of its first clause; ``off``: nothing."""
