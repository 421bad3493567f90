"""``GET /metrics``: what this process does and holds, for Prometheus; with a key that has the scope ``metrics:read``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web

from mediaserver.audio.recorder import Recorder
from mediaserver.cache.opening import Cached
from mediaserver.errors import Overloaded
from mediaserver.rtc.port import Counters
from mediaserver.telemetry.lag import BOUNDS_S
from mediaserver.telemetry.metrics import CONTENT_TYPE, Metric, by_label, counter, gauge, gauges, histogram, text
from signaling.auth import authenticate
from signaling.door import DOOR, House


async def show(request: web.Request) -> web.Response:
    """Answer for this process; a worker says in a label which it is. Raises Overloaded before the house is open."""
    authenticate(request, "metrics:read")
    door = request.app[DOOR]
    if door.house is None:
        raise Overloaded("the server is not open", code="draining")
    number = door.names.worker
    said = text(_metrics(door.house), {} if number is None else {"worker": str(number)})
    return web.Response(body=said.encode(), headers={"Content-Type": CONTENT_TYPE})


def _metrics(house: House) -> Iterator[Metric]:
    sessions, lag = house.sessions, house.lag
    late = "How late the event loop was, looked at each 20 ms."
    yield histogram("mediaserver_loop_lag_seconds", late, BOUNDS_S, lag.counts, lag.total_s)
    yield gauge("mediaserver_tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))
    yield gauge("mediaserver_sessions", "Conversations that run.", len(sessions))
    yield counter("mediaserver_sessions_started_total", "Conversations begun.", sessions.started)
    ended = {str(reason): count for reason, count in sessions.ended.items()}
    yield by_label("mediaserver_sessions_ended_total", "Conversations ended.", "reason", ended)
    for name, value in house.port.stats().items():
        yield _of_the_port(name, value)
    if house.cached is not None:
        yield from _of_the_cache(house.cached)
    if house.recorder is not None:
        yield from _of_recordings(house.recorder)


def _of_the_cache(cached: Cached) -> Iterator[Metric]:
    tally = cached.tiers.tally
    yield by_label("mediaserver_cache_hits_total", "Answers from the cache.", "tier", tally.hits)
    yield counter("mediaserver_cache_misses_total", "Answers that an engine was asked for.", tally.misses)
    shared = "Answers shared with an equal request that was on its way."
    yield counter("mediaserver_cache_shared_total", shared, tally.shared)
    yield gauges("mediaserver_cache_bytes", "Bytes kept in this tier.", "tier", cached.bytes())
    yield by_label("mediaserver_cache_evictions_total", "Entries that made room.", "tier", tally.evictions)
    failed = "Look-ups and writes that a tier failed."
    yield by_label("mediaserver_cache_failures_total", failed, "tier", tally.failures)
    dropped = "Entries not written to folder and Redis, because these were slow."
    yield counter("mediaserver_cache_dropped_total", dropped, tally.dropped)


def _of_recordings(recorder: Recorder) -> Iterator[Metric]:
    ended = {"completed": recorder.completed, "failed": recorder.failed}
    yield by_label("mediaserver_recordings_total", "Recordings that are over.", "end", ended)
    dropped = "Half seconds of recordings that were not written, because the disk was slow."
    yield counter("mediaserver_recording_blocks_dropped_total", dropped, recorder.dropped)


def _of_the_port(name: str, value: int) -> Metric:
    words = name.replace("_", " ")
    if name in Counters.__slots__:
        return counter(f"mediaserver_media_{name}_total", f"Media port: {words}.", value)
    return gauge(f"mediaserver_media_{name}", f"Media port: {words} now.", value)
