from bridges.openai.responses import MARK, METADATA_PAIRS, REMEMBERED, Responses
from bridges.openai.wire import ResponseBody
from mediaserver.commands import Respond
from mediaserver.settings import Settings

FULL = tuple((f"k{n}", "v") for n in range(METADATA_PAIRS))


def asked(name: str, **more: object) -> Respond:
    return Respond(response_id=name, settings=Settings("m"), **more)  # type: ignore[arg-type]


def body(provider_id: str, mark: object = None) -> ResponseBody:
    return ResponseBody(provider_id, metadata=None if mark is None else {MARK: mark})


def test_a_mark_finds_what_was_asked_for_in_any_order() -> None:
    book = Responses()
    book.ask(asked("a"))
    book.ask(asked("b"))
    made, command = book.begin(body("1", "b"))
    assert (made.id, command and command.response_id) == ("b", "b")
    assert book.begin(body("2", "a"))[0].id == "a"
    assert book.at("1") is made
    assert book.end("1") is made
    assert book.end("1") is None


def test_what_the_provider_begins_by_itself_takes_nobodys_place() -> None:
    book = Responses()
    book.ask(asked("a"))
    made, command = book.begin(body("1"))
    assert command is None
    assert made.id.startswith("resp_")
    assert book.begin(body("2", "a"))[0].id == "a"
    assert book.begin(body("3", "strange"))[1] is None
    assert book.begin(body("4", 7))[1] is None


def test_without_a_mark_the_oldest_is_meant() -> None:
    book = Responses()
    book.ask(asked("full", metadata=FULL))
    assert book.begin(body("1"))[0].id == "full"
    book = Responses(marking=False)
    book.ask(asked("a"))
    book.ask(asked("b"))
    assert [book.begin(body(name))[0].id for name in "12"] == ["a", "b"]


def test_stopping_before_and_while_it_is_made() -> None:
    book = Responses()
    book.ask(asked("a"))
    assert book.stop("a") is None
    made, _ = book.begin(body("1", "a"))
    assert made.muted
    book.ask(asked("b"))
    book.begin(body("2", "b"))
    assert book.stop("b") == "2"
    assert book.stop("b") is None
    assert book.stop("never") is None


def test_a_message_without_a_name_is_about_the_newest() -> None:
    book = Responses()
    assert book.at("") is None
    book.begin(body("1"))
    newest, _ = book.begin(body("2"))
    assert book.at("") is newest
    assert book.at("3") is None


def test_a_refused_one_is_forgotten() -> None:
    book = Responses()
    book.ask(asked("a"))
    assert book.refused("a")
    assert not book.refused("a")


def test_the_book_is_bounded() -> None:
    book = Responses()
    for number in range(REMEMBERED * 3):
        book.ask(asked(f"a{number}"))
        book.stop(f"a{number}")
        book.begin(body(str(number)))
    assert max(len(book._asked), len(book._made), len(book._unwanted)) <= REMEMBERED
