"""Deepgram's voices, as its documentation and the ``deepgram-sdk`` 7.17 name them: a voice is a model. Pure."""

from __future__ import annotations

from mediaserver.speech import VoiceFacts

_NAMES = {
    ("aura-2", "en"): (
        "amalthea andromeda apollo arcas aries asteria athena atlas aurora callista cora cordelia delia draco "
        "electra harmonia helena hera hermes hyperion iris janus juno jupiter luna mars minerva neptune odysseus "
        "ophelia orion orpheus pandora phoebe pluto saturn selene thalia theia vesta zeus"
    ),
    ("aura-2", "es"): (
        "agustina alvaro antonia aquila carina celeste diana estrella gloria javier luciano nestor olivia selena "
        "silvia sirio valerio"
    ),
    ("aura-2", "de"): ("aurelia elara fabian julius kara lara viktoria"),
    ("aura-2", "nl"): ("beatrix cornelia daphne hestia lars leda rhea roman sander"),
    ("aura-2", "fr"): ("agathe hector"),
    ("aura-2", "it"): ("cesare cinzia demetra dionisio elio flavio livia maia melia"),
    ("aura-2", "ja"): ("ama ebisu fujin izanami uzume"),
    ("flux", "en"): (
        "alexis bree brittany brooke bruce cliff cole colin conor donovan drew elise gemma haley hannah heather "
        "jack kai kelsey kit maeve marcelo marcus meena meghan miles naveen paige priya rufus sean sharon sienna "
        "tanner wade wes"
    ),
    ("aura", "en"): ("angus arcas asteria athena helios hera luna orion orpheus perseus stella zeus"),
}
"""Family and language, and the names in it, apart by spaces."""


def listed() -> tuple[VoiceFacts, ...]:
    """Return every voice of the table."""
    return tuple(
        VoiceFacts(f"{family}-{name}-{language}", name.capitalize(), (language,), description=family.capitalize())
        for (family, language), names in _NAMES.items()
        for name in names.split()
    )
