"""The page without a server: its files with the server's own policy, stubbed browser interfaces, and every state by name."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Route, WebSocketRoute

from signaling.middleware import HEADERS
from tests.browser import axe
from tests.browser.driving import Complaints, open_page, until

WEB = Path(__file__).resolve().parents[2] / "web"
ORIGIN = "http://localhost:1"
AROUND = "http://127.0.0.1:1"
FRAME = f"<!doctype html><title>around</title><iframe src='{ORIGIN}/'></iframe>"
FAKE_PEER = Path(__file__).with_name("fake_peer.js").read_text()
FACTS: dict[str, Any] = {
    "version": "0.1.0",
    "models": [
        {"name": "local", "description": "", "voices": ["en-US", "en-GB"], "tools": True, "turns": "session"},
        {"name": "echo", "description": "", "voices": [], "tools": False, "turns": "none"},
    ],
    "default_model": "local", "key": "sk-local", "key_needed": False, "https_url": None, "limits": {"max_duration_s": 3600},
}  # fmt: skip
Answer = dict[str, Any]
ACCEPTED: Answer = {"status": 201, "body": "v=0\r\n", "headers": {"Location": "/v1/realtime/calls/rtc_1"}}


def refusal(status: int, code: str, retry_after: int | None = None) -> Answer:
    """Return the contract's refusal as a route answers it."""
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    error = {"error": {"type": "server_error", "code": code, "message": f"refused: {code}", "param": None}}
    return {"status": status, "json": error, "headers": headers}


class Stage:
    """One page of its own and what stands around it; ``answer`` is how an offer is answered, ``None``: not at all.

    ``socket``: a WebSocket of the page is answered, else there is nobody.
    """

    def __init__(
        self, context: BrowserContext, facts: Answer | None, answer: Answer | None, *, socket: bool = False
    ) -> None:
        self.context = context
        self.facts = FACTS if facts is None else {**FACTS, **facts}
        self.answer = answer
        self.complaints = Complaints()
        self.socket = socket
        self.reports: list[str] = []
        self.frames = "frame-ancestors 'none'"

    async def open(self, address: str = "/") -> Page:
        await self.context.route(f"{ORIGIN}/**", self._route)
        if self.socket:
            await self.context.route_web_socket(f"{ORIGIN.replace('http', 'ws')}/v1/realtime**", _begin_on_socket)
        return await open_page(self.context, ORIGIN + address, self.complaints)

    async def open_framed(self) -> Page:
        """Open it inside a page of another origin that does not pass the microphone on."""
        self.frames = "frame-ancestors *"  # somebody's proxy allows it
        await self.context.route(f"{ORIGIN}/**", self._route)
        await self.context.route(f"{AROUND}/**", lambda route: route.fulfill(body=FRAME, content_type="text/html"))
        page = await self.context.new_page()
        await page.goto(AROUND)
        return page

    async def wrong(self, page: Page) -> list[str]:
        """Return what axe-core finds in both themes, every breach of the policy, and what the page complained of."""
        broken = self.reports + await page.evaluate("violations")
        return await axe.violations(page) + broken + self.complaints.errors

    async def _route(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).split("?")[0]
        if path == "/csp-report":
            self.reports.append(route.request.post_data or "")
            await route.fulfill(status=204)
        elif path == "/page.json":
            await route.fulfill(json=self.facts)
        elif path.startswith("/v1/"):
            await (route.abort() if self.answer is None else route.fulfill(**self.answer))
        else:
            await self._file(route, WEB / ("index.html" if path == "/" else path.removeprefix("/static/")))

    async def _file(self, route: Route, path: Path) -> None:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {name: value.replace("frame-ancestors 'none'", self.frames) for name, value in HEADERS.items()}
        await route.fulfill(body=path.read_bytes(), content_type=kind, headers=headers | {"Content-Type": kind})


def _begin_on_socket(wire: WebSocketRoute) -> None:
    wire.on_message(lambda _: None)  # else it is passed on to a server
    wire.send(json.dumps({"type": "session.created", "session": {"id": "sess_1", "model": "local"}}))


async def stage(
    browser: Browser,
    *,
    facts: Answer | None = None,
    answer: Answer | None = ACCEPTED,
    script: str = "",
    fake: bool = True,
    socket: bool = False,
    width: int = 1440,
    height: int = 900,
    **options: Any,
) -> Stage:
    """Set a stage; ``script`` changes the browser before the page runs."""
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    if fake:
        await context.add_init_script(FAKE_PEER)
    if script:
        await context.add_init_script(script)
    return Stage(context, facts, answer, socket=socket)


def microphone_refused(name: str, message: str = "", permission: str = "denied") -> str:
    """Return a script after which the microphone is refused with this exception."""
    return f"""
    navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException({json.dumps(message)}, {json.dumps(name)}) }}
    navigator.permissions.query = async () => ({{ state: {json.dumps(permission)} }})"""


NO_WORKLETS = """
AudioWorklet.prototype.addModule = async () => {}
window.AudioWorkletNode = function (context) {
  return Object.assign(context.createChannelMerger(2), { port: { postMessage: () => {}, close: () => {} } })
}"""
"""Nodes that do nothing: what a worklet loads does not come past a stage."""

NEVER_ANSWERED = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {})"
TALK = "What can you do? I can count, tell the time, and answer what you type. You can interrupt me."


def _turn(n: int, *milliseconds: int) -> str:
    names = ["end_of_turn", "transcript", "model", "tool", "speech", "deliver"]
    at, stages = 1000 * n, []
    for name, ms in zip(names, milliseconds, strict=True):
        if ms:
            stages.append({"name": name, "start_ms": at, "end_ms": at + ms})
        at += ms
    return _tell({"type": "turn", "at": at, "item_id": f"u{n}", "response_id": f"r{n}", "stages": stages})


def _say(message: dict[str, Any]) -> str:
    return f"call.say({json.dumps(message)})"


def _tell(message: dict[str, Any]) -> str:
    return f"call.tell({json.dumps(message)})"


def exchange(n: int, said: str, answered: str) -> list[str]:
    """Return a whole turn: what the server says of a question and an answer that is about to be played."""
    response, item = f"r{n}", f"a{n}"
    return [
        _say({"type": "input_audio_buffer.speech_started", "item_id": f"u{n}", "audio_start_ms": 0}),
        _say({"type": "input_audio_buffer.speech_stopped", "item_id": f"u{n}", "audio_end_ms": 900}),
        _say({"type": "conversation.item.input_audio_transcription.completed", "item_id": f"u{n}", "transcript": said}),
        _say({"type": "response.created", "response": {"id": response}}),
        _say(
            {
                "type": "response.output_audio_transcript.delta",
                "response_id": response,
                "item_id": item,
                "delta": answered,
            }
        ),
        _say({"type": "output_audio_buffer.started", "response_id": response}),
    ]


def heard(n: int, text: str, unheard: str) -> str:
    """Return the ledger's word on an answer."""
    return _tell(
        {"type": "heard", "item_id": f"a{n}", "played_ms": 900, "text": text, "unheard": unheard, "estimated": True}
    )


def finished(n: int, text: str) -> list[str]:
    """Return the end of an answer that was heard to its end."""
    done = {"type": "response.done", "response": {"id": f"r{n}", "status": "completed"}}
    return [_say(done), heard(n, text, ""), _say({"type": "output_audio_buffer.stopped", "response_id": f"r{n}"})]


def cut(n: int, text: str, unheard: str) -> list[str]:
    """Return a true interruption."""
    event = {
        "type": "interrupted", "response_id": f"r{n}", "item_id": f"a{n}", "played_ms": 1200, "text": text,
        "unheard": unheard, "estimated": True, "onset_ms": 9000, "silent_ms": 9140,
    }  # fmt: skip
    started = {"type": "input_audio_buffer.speech_started", "item_id": f"u{n + 1}", "audio_start_ms": 0}
    return [_say(started), _tell(event)]


ROLL = {"type": "function_call", "id": "f2", "call_id": "c2", "name": "roll_dice", "arguments": '{"sides": 6}'}
TOOL = [
    _say({"type": "response.output_item.done", "response_id": "r2", "item": ROLL}),
]
STATS = """call.stats = [
 { id: 'in', type: 'inbound-rtp', kind: 'audio', packetsReceived: 50, packetsLost: 0, jitter: 0.004, bytesReceived: 4000 },
 { id: 'their', type: 'remote-inbound-rtp', kind: 'audio', roundTripTime: 0.021, jitter: 0.003, fractionLost: 0 } ]"""
FIRST = [
    STATS, *exchange(1, "what can you do", TALK), _turn(1, 260, 40, 20, 0, 120, 12), *finished(1, TALK),
    *exchange(2, "roll the dice", "")[:4], *TOOL, *exchange(2, "", "The dice show four.")[4:],
    _turn(2, 310, 55, 180, 420, 160, 14),
    *finished(2, "The dice show four."),
]  # fmt: skip
COUNTING = "One, two, three, four, five, six, seven, eight, nine, ten."
SPEAKING = [
    *FIRST,
    *exchange(3, "count to ten", COUNTING),
    _turn(3, 250, 35, 20, 0, 140, 11),
    heard(3, "One, two, three,", COUNTING[16:]),
]

STATES: dict[str, list[str]] = {
    "listening": FIRST,
    "hearing": [
        *FIRST, _say({"type": "input_audio_buffer.speech_started", "item_id": "u3", "audio_start_ms": 0}),
        _tell({"type": "transcript.partial", "item_id": "u3", "text": "count to", "stable": 5}),
    ],
    "thinking": [*FIRST, *exchange(3, "count to ten", "")[:4]],
    "speaking": SPEAKING,
    "interrupted": [*SPEAKING, *cut(3, "One, two, three, four,", " five, six, seven, eight, nine, ten.")],
    "without-udp": [],
    "muted": [*FIRST, "document.getElementById('mute').click()"],
    "reconnecting": [*FIRST, "call.state('failed')"],
    "ended": [*SPEAKING, *cut(3, "One, two, three, four,", " five, six, seven, eight, nine, ten."),
              _tell({"type": "ended", "reason": "idle", "detail": ""})],
}  # fmt: skip
"""What the server says until the page is in each state of a call that stands."""


async def show(page: Page, state: str) -> None:
    """Bring a page that is ready into a state, by clicks and by what the server says."""
    if state == "idle":
        return
    await page.click("#start")
    if state == "asking":
        await _in(page, state)
        return
    await until(page, "Boolean(call.channels['oai-events'])")
    if state == "connecting":
        await _in(page, state)
        return
    await until(page, "Boolean(call.peer.remoteDescription)")
    await page.evaluate(READY.get(state, "call.ready()"))
    for line in STATES.get(state, ()):
        await page.evaluate(line)
    await _in(page, IN.get(state, state))


async def _in(page: Page, state: str) -> None:
    await page.wait_for_selector(f"html[data-state={state}]", state="attached", timeout=5000)


ALL_STATES = ("idle", "asking", "connecting", "ready-buffering", *STATES)
OFFER_HANGS = """
const reach = window.fetch
window.fetch = (url, options) => (String(url).startsWith('/v1/') ? new Promise(() => {}) : reach(url, options))"""
READY = {"ready-buffering": "call.up()", "without-udp": "call.state('failed')"}
IN = {"without-udp": "listening"}
SCRIPT_OF = {"without-udp": NO_WORKLETS, "asking": NEVER_ANSWERED, "connecting": OFFER_HANGS}


async def stage_for(browser: Browser, state: str, **options: Any) -> Stage:
    """Set the stage that a state needs."""
    return await stage(browser, script=SCRIPT_OF.get(state, ""), socket=state == "without-udp", **options)
