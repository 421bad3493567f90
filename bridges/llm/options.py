"""What each language model can be told; those of ``local`` and ``openai_compatible`` are in :mod:`bridges.options`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field

from bridges.llm.quirks import refused
from bridges.options import Count, Options, Remote, Seconds

MicroDollars = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Model(Remote, frozen=True, kw_only=True):
    """What every language model behind HTTP can be told besides its connection."""

    model: str
    """The provider's name for the model."""
    max_tokens: Count | None = None
    """The longest answer where a session sets no bound, in tokens; empty: the provider's own bound."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request body; they stand over ours."""


class Chat(Model, frozen=True, kw_only=True):
    """A server of chat completions; ``row`` is its line in :data:`bridges.llm.quirks.QUIRKS`."""

    row: ClassVar[str] = "openai_compatible"
    reasoning: bool | None = None
    """Whether the model thinks before it answers: fields that such models refuse are not sent. Empty: by its name."""

    def __post_init__(self) -> None:
        wrong = sorted(self.extra.keys() & refused(self.row, self.model, self.extra, self.reasoning))
        if wrong:
            raise ValueError(f"extra: this model refuses {', '.join(wrong)} (reasoning: false, if it does not think)")


class OpenAIChat(Chat, frozen=True, kw_only=True):
    """OpenAI's chat completions, or its responses where the model looks things up."""

    row: ClassVar[str] = "openai"
    search: tuple[Literal["web_search"], ...] = ()
    """Let the model look things up itself; seconds pass before its first word."""
    organization: str = ""
    """``OpenAI-Organization``, where a key belongs to several."""
    project: str = ""
    """``OpenAI-Project``."""


class AzureChat(Chat, frozen=True, kw_only=True):
    """Azure OpenAI: ``url`` is the resource (``https://NAME.openai.azure.com``), ``model`` the name of your deployment."""

    row: ClassVar[str] = "azure"
    api_version: str = ""
    """Empty: the v1 path (``/openai/v1``); else the deployment's path with this version, e.g. ``2024-10-21``."""
    bearer: bool = False
    """``key`` is an Entra ID token, sent as ``Authorization: Bearer``; otherwise it is sent as ``api-key``."""

    def __post_init__(self) -> None:
        Chat.__post_init__(self)
        if not self.url:
            raise ValueError("Azure needs the address of your resource (url)")


class XaiChat(Chat, frozen=True, kw_only=True):
    """xAI's Grok; for a voice best a model without reasoning, whose first word comes sooner."""

    row: ClassVar[str] = "xai"
    search: tuple[Literal["web_search", "x_search"], ...] = ()
    """Let the model look things up itself; seconds pass before its first word."""


class GroqChat(Chat, frozen=True, kw_only=True):
    """Groq."""

    row: ClassVar[str] = "groq"


class OllamaChat(Chat, frozen=True, kw_only=True):
    """Ollama; its context is small and cut silently unless OLLAMA_CONTEXT_LENGTH or a Modelfile says otherwise."""

    row: ClassVar[str] = "ollama"
    answer_s: Seconds = 120.0
    """Time to the first byte of an answer: the first request loads the model."""


class LlamaCppChat(Chat, frozen=True, kw_only=True):
    """llama.cpp's server; for functions it is started with ``--jinja``."""

    row: ClassVar[str] = "llama_cpp"
    model: str = "default"
    """It serves the model that it was started with, whatever the name."""


class VllmChat(Chat, frozen=True, kw_only=True):
    """vLLM; for functions it is started with ``--enable-auto-tool-choice --tool-call-parser``."""

    row: ClassVar[str] = "vllm"


class Anthropic(Model, frozen=True, kw_only=True):
    """Anthropic's Messages API. A session's temperature is not sent: current models refuse it."""

    max_tokens: Count = 4096
    """The longest answer where a session sets no bound, in tokens: Anthropic requires one."""
    cache: Literal["off", "5m", "1h"] = "5m"
    """How long the fixed beginning (functions and instructions) is kept for the next turns, which read it for a tenth."""
    version: str = "2023-06-01"
    """``anthropic-version``."""


class GeminiChat(Model, frozen=True, kw_only=True):
    """Google's Gemini API, ``streamGenerateContent``."""

    thinking: Literal["", "minimal", "low", "medium", "high"] = ""
    """How much a Gemini 3 model thinks; empty: as it likes."""
    thinking_budget: Annotated[int, Meta(ge=-1, le=65_536)] | None = None
    """The same in tokens for Gemini 2.5: 0 is none, -1 as it likes."""
    version: str = "v1beta"
    """The API's version."""

    def __post_init__(self) -> None:
        if self.thinking and self.thinking_budget is not None:
            raise ValueError("thinking and thinking_budget exclude each other")


class Cost(Options, frozen=True, kw_only=True):
    """What 1000 tokens cost, in micro-dollars: a price of $0.40 for a million is 400."""

    input: MicroDollars
    """For tokens that are read."""
    output: MicroDollars
    """For tokens that are written."""


class RouteRule(Options, frozen=True, kw_only=True):
    """Decides a class before the words are counted: by any of ``words``, or by ``pattern``."""

    to: str
    """The class: one of the built-in ones or of your own."""
    words: tuple[str, ...] = ()
    """Words and phrases, without case and accents; ``*`` stands for any ending."""
    pattern: str = ""
    """A regular expression over the text in small letters without accents."""


class Router(Options, frozen=True, kw_only=True):
    """Several language models as one: each question goes to those that its class names, until one answers."""

    routes: dict[str, dict[str, Any]]
    """By a name of your choice: ``engine`` and its options, ``cost`` (:class:`Cost`), and ``first_s`` of its own."""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Which routes a class asks, in this order; a class that is not named asks those of ``other``, and that one all."""
    rules: tuple[RouteRule, ...] = ()
    """Asked first, in this order."""
    builtin: bool = True
    """Count the built-in words of ``live``, ``code``, ``reasoning`` and ``small_talk`` where no rule decides."""
    prefer: Literal["listed", "cheapest", "fastest", "balanced"] = "listed"
    """How the routes of a class are ordered: as listed, by ``cost``, by the time to the first word, or by both."""
    first_s: Seconds = 4.0
    """A route that has said nothing for so long is left for the next one; the last one has its own limits."""
    classifier: dict[str, Any] | None = None
    """``engine`` and options of a small fast model that is asked where words do not decide."""
    classifier_s: Seconds = 0.15
    """It has this long; after that the words decide."""
    failures: Annotated[int, Meta(ge=1, le=100)] = 5
    """So many failures ..."""
    within_s: Seconds = 10.0
    """... within this time, and a route is left alone ..."""
    rest_s: Seconds = 5.0
    """... for so long; then it is asked once, and that decides. Refused credentials: twelve times as long."""

    def __post_init__(self) -> None:
        from bridges.llm.routes import read_classifier, read_routes, read_rules

        read_routes(self)
        read_classifier(self)
        read_rules(self)
