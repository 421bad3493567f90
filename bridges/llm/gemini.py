"""Google's models behind the Gemini API, streamed. Source: Gemini API reference, "models.streamGenerateContent"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from bridges.http import Request, open_http
from bridges.llm.failures import WHO, said
from bridges.llm.gemini_request import body
from bridges.llm.gemini_stream import GeminiAnswer
from bridges.llm.model import HttpModel
from bridges.llm.options import GeminiChat
from bridges.llm.signatures import Signatures
from bridges.llm.stream import Limits
from mediaserver.speech import Message, Terms

URL = "https://generativelanguage.googleapis.com"


@asynccontextmanager
async def open_gemini(chosen: GeminiChat) -> AsyncIterator[HttpModel]:
    """Open the connections to Google; they are kept alive between answers and closed with the context.

    A call's thought signature is kept here by the call's id, for the next turn, and never enters the conversation.
    """
    signatures = Signatures()
    path = f"{chosen.version}/models/{chosen.model.removeprefix('models/')}:streamGenerateContent"
    headers = {"x-goog-api-key": chosen.key.strip()} if chosen.key.strip() else {}
    remote = msgspec.structs.replace(chosen, between_s=max(chosen.answer_s, chosen.between_s))

    def write(messages: Sequence[Message], terms: Terms) -> Request:
        return Request("POST", path, params={"alt": "sse"}, json=body(chosen, signatures, messages, terms))

    async with open_http(remote, URL, headers=headers, who=WHO, said=said) as http:
        yield HttpModel(http, Limits(chosen.answer_s, chosen.between_s), write, lambda: GeminiAnswer(signatures))
