"""``mediaserver serve`` with several workers: the process that owns them. It carries no call and opens no door itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from tempfile import TemporaryDirectory

from mediaserver.cluster.child import launched
from mediaserver.cluster.place import Place
from mediaserver.cluster.ports import check, reserved
from mediaserver.cluster.supervisor import Supervisor, Worker
from mediaserver.config import Config
from signaling.announce import announcement, say
from signaling.signals import Signals, stop_signals
from signaling.tls import identity
from signaling.worker import shared_tls

GRACE_S = 30.0
"""Workers have so long beyond ``server.drain_s``."""


async def supervise(config: Config, text: bytes | None, count: int, arguments: Sequence[str]) -> int:
    """Run ``count`` workers until told to stop, with the configuration as it was read now; returns the exit code.

    ``arguments`` are those of the command line that change it. Raises OSError for a taken port, ConfigError.
    """
    check(config.media.port, count)
    with (
        TemporaryDirectory(prefix="mediaserver-") as directory,  # for its owner only: mode 0700
        reserved(config.server.host, config.server.port) as port,
    ):
        who = identity(shared_tls(config, directory).server.tls)

        def launch(number: int) -> AbstractAsyncContextManager[Worker]:
            command = (sys.executable, "-m", "mediaserver", "serve", "--worker", str(number), *arguments)
            return launched(command, Place(number, count, directory, port, text))

        supervisor = Supervisor(launch, count, stop_s=config.server.drain_s + GRACE_S)
        signals = stop_signals()
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(_stop(supervisor, signals), name="stop signals")]

            async def greet() -> None:
                await supervisor.ready.wait()
                reports = [report for _, report in sorted(supervisor.reports.items())]
                media = [report.media_port for report in reports]
                say(announcement(config, port, media, reports[0].addresses, who))

            helpers.append(tasks.create_task(greet(), name="announcement"))
            code = await supervisor.run()
            for helper in helpers:
                helper.cancel()
    return code


async def _stop(supervisor: Supervisor, signals: Signals) -> None:
    await signals.get()
    say("Stopping: no new calls. Again to end the running ones now.")
    while True:
        supervisor.stop()
        await signals.get()
