"""The conversation table: how well turns are taken, in virtual time, over noise, and over WebRTC in real time.

The first two are ``mediaserver evaluate --in-process``, the same each time. The third starts this server with the engines of
this machine, which need no key and no network, and calls it as a browser would: the line, its jitter and the engines are
part of what is measured. It lasts as long as the calls do, so one script in ``--every`` is played there.

usage: python -m benchmarks.conversation [--every 6] [--noise-db 20,10,5] [--recordings FOLDER]
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys

from benchmarks.ending import end_what_was_started
from benchmarks.peers.environment import ROOT
from benchmarks.servers import OURS, circumstances, running
from signaling.evaluate.command import SUITE

TURNS = ("--turns", "semantic_vad")
LOCAL = dataclasses.replace(OURS, bridge="hybrid", workers=1)


def evaluated(title: str, *arguments: str) -> None:
    """Run the command and let it print; that a target is missed is its news, not a failure of the measuring."""
    print(f"\n{title}\n", flush=True)
    subprocess.run([sys.executable, "-m", "mediaserver", "evaluate", *TURNS, *arguments], cwd=ROOT, check=False)


def chosen(every: int) -> list[str]:
    """Return one script in so many, spread over the suite, which is in the order of its kinds."""
    return [str(path) for path in sorted(SUITE.glob("*.yaml"))[::every]]


def main() -> None:
    """Run all three."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=6, help="one script in so many is played in real time")
    parser.add_argument("--noise-db", default="20,10,5")
    parser.add_argument("--recordings", help="the folder of the human voices, see mediaserver evaluate --help")
    args = parser.parse_args()
    voices = ("--recordings", args.recordings) if args.recordings else ()
    print(circumstances(kept=False))
    evaluated("In virtual time", "--in-process", *voices)
    evaluated(
        f"In virtual time, also over noise {args.noise_db} dB below",
        "--in-process",
        "--noise-db",
        args.noise_db,
        *voices,
    )
    with running(LOCAL) as (url, _):
        evaluated(
            "Over WebRTC, in real time, with the local model",
            "--url",
            url,
            "--model",
            LOCAL.bridge,
            *voices,
            *chosen(args.every),
        )


if __name__ == "__main__":
    main()
