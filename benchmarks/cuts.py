"""How well the words that were heard are told from the sound alone, where the voice gives no times of words.

    python -m benchmarks.cuts [VOICE ...]     default pico flite

The embedded voices speak sentences, forced alignment finds where their words lie, and at every 60 ms of a sentence the words
that :class:`mediaserver.conversation.heard.Script` takes for heard are compared with those of which half was: once the sound
is complete, and while only 0.3 s and 1.5 s more of it have been made.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
from dataclasses import dataclass

from pocketsphinx import Decoder

from bridges.local.voice import RATE, open_voice
from bridges.options import LocalVoice
from mediaserver.conversation.heard import Script

SENTENCES = {
    "Your table for four is booked for Friday evening at half past seven.": "",
    "I have found three flights, the cheapest leaves at noon.": "",
    "Certainly! Could you please tell me your full name, your address, and the number of your account?": "",
    "No, I am afraid that is not possible.": "",
    "The international administration of agricultural communities is extraordinarily complicated.": "",
    "We can send it to you on Monday; if that is too late, a courier will bring it tomorrow, but that costs extra.": "",
    "Thanks. One moment, please. I will look that up for you.": "",
    "Straight strengths stretched through eight months.": "",
    "In 1998 we had 250 guests, and in 2004 we had 1,200.": "in nineteen+ninety+eight we had two+hundred+fifty guests"
    " and in two+thousand+four we had one+thousand+two+hundred",
    "Your code is 4 7 1 9 3.": "your code is four seven one nine three",
    "It costs $25 per month, or about 20 percent less by the year.": "it costs twenty+five+dollars per month or about"
    " twenty percent less by the year",
    "The weather in London is cloudy today with a chance of rain in the afternoon.": "",
    "Hello there, how are you today?": "",
    "She said that the documents were ready, although nobody had signed them yet.": "",
}
"""What is written, and how it is spoken where that is not the same; words that are one in writing are joined by ``+``."""
STEP_MS = 60


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, its sound (PCM16 mono, 16 kHz) and where the middle of each word lies in it."""

    text: str
    pcm: bytes
    middles_ms: tuple[float, ...]


def middles(pcm: bytes, spoken: list[str]) -> tuple[float, ...] | None:
    """Return the middle of each word by forced alignment, ``None`` where there is none."""
    decoder = Decoder(lm=None, loglevel="FATAL")
    decoder.set_align_text(" ".join(spoken).replace("+", " "))
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    found = [
        (part.start_frame * 10, part.end_frame * 10 + 10) for part in decoder.seg() or () if part.word[0].isalpha()
    ]
    ends, at = [], 0
    for word in spoken:
        last = at + word.count("+")
        if last >= len(found):
            return None
        ends.append((found[at][0] + found[last][1]) / 2)
        at = last + 1
    return tuple(ends)


async def speak(engine: str) -> list[Spoken]:
    """Return what a voice makes of the sentences."""
    made = []
    async with open_voice(LocalVoice(engine_order=(engine,))) as voice:
        for text, told in SENTENCES.items():
            pcm = b"".join([sound.pcm async for sound in voice.speak(text)])
            found = middles(pcm, told.split() or re.findall(r"[a-z']+", text.lower()))
            if found is not None:
                made.append(Spoken(text, pcm, found))
    return made


def errors(one: Spoken, ahead_ms: int | None) -> list[int]:
    """Return by how many words each moment of a sentence is judged wrongly, too many being positive."""
    wrong, total = [], len(one.pcm) * 500 // RATE
    for ms in range(STEP_MS, total, STEP_MS):
        script = Script(RATE)
        script.write(one.text)
        script.sound(one.pcm if ahead_ms is None else one.pcm[: (ms + ahead_ms) * RATE // 500], one.text)
        if ahead_ms is None:
            script.complete()
        wrong.append(len(script.at(ms).text.split()) - sum(middle <= ms for middle in one.middles_ms))
    return wrong


async def main(voices: list[str]) -> None:
    """Print a line for each voice and state of the sound."""
    for voice in voices:
        made = await speak(voice)
        for name, ahead in (("complete", None), ("0.3 s ahead", 300), ("1.5 s ahead", 1500)):
            wrong = [each for one in made for each in errors(one, ahead)]
            off = [abs(each) for each in wrong]
            print(
                f"{voice:8} {len(made):2} sentences, {name:11}: {statistics.mean(off):.2f} words off, "
                f"within one {sum(each <= 1 for each in off) / len(off):.1%}, at most {max(off)}"
            )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["pico", "flite"]))
