from __future__ import annotations

from dataclasses import dataclass

from mediaserver.conversation import steps
from mediaserver.conversation.standing import Standing
from mediaserver.conversation.talk import Owes


@dataclass
class Talk:
    owes: Owes = "nothing"
    speaking: bool = False
    idle: bool = True


def test_only_what_changed_is_said() -> None:
    standing, talk = Standing(), Talk()
    assert standing.changes(talk, False) == [steps.Quiet(True)]
    assert standing.changes(talk, False) == []
    talk.speaking, talk.idle = True, False
    assert standing.changes(talk, False) == [steps.CallerSpeaking(True), steps.Quiet(False)]
    talk.speaking, talk.owes = False, "due"
    assert standing.changes(talk, False) == [steps.ReplyDue(), steps.CallerSpeaking(False)]
    talk.owes = "making"
    assert standing.changes(talk, True) == [steps.ReplyBegan(), steps.Tools(1)]
    talk.owes, talk.idle = "nothing", True
    assert standing.changes(talk, True) == [steps.ReplyOver()]  # a tool still runs: no boundary
    assert standing.changes(talk, False) == [steps.Tools(0), steps.Quiet(True)]
