"""Language models in a line."""

from bridges.backup.line import Line, Patience
from bridges.backup.mind import GO_ON, BackupMind
from mediaserver.errors import BridgeError
from mediaserver.speech import Message
from tests.bridges.backup.engines import Mind

QUESTION = Message("user", "how are you")


async def test_the_next_model_goes_on_after_the_last_word() -> None:
    one, two = Mind("I am ", "very ", BridgeError("gone")), Mind("well.")
    backup = BackupMind(Line([one, two]), Patience())
    assert [piece async for piece in backup.reply([QUESTION])] == ["I am ", "very ", "well."]
    assert two.asked == [[QUESTION, Message("assistant", "I am very "), Message("user", GO_ON)]]


async def test_where_nothing_was_written_the_question_is_the_same() -> None:
    one, two = Mind(BridgeError("gone")), Mind("Well.")
    backup = BackupMind(Line([one, two]), Patience())
    assert [piece async for piece in backup.reply([QUESTION])] == ["Well."]
    assert two.asked == [[QUESTION]]
