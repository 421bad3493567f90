from signaling.audio.batch.book import SPEECH, Book, Spec
from signaling.audio.batch.journal import Line

SPEC = Spec("batch_1", "ann", SPEECH, created=100, expires=200, names=("a", "b", "c"), models=("local",))
DONE = [Line("completed", n, "audio/mpeg") for n in range(3)]


def test_items_are_worked_at_in_order_and_once() -> None:
    book = Book(SPEC)
    assert [book.take(100) for _ in range(4)] == [0, 1, 2, None]
    assert book.status(100) == "in_progress"
    for line in DONE:
        book.note(line)
    assert book.status(100) == book.status(300) == "completed"


def test_what_is_done_is_not_done_again() -> None:
    book = Book(SPEC, [DONE[1], Line("failed", 1, error={})])
    assert [book.take(100), book.take(100), book.take(100)] == [0, 2, None]
    assert book.done[1].status == "completed"


def test_a_cancelled_batch_gives_no_more() -> None:
    book = Book(SPEC)
    assert book.take(100) == 0
    book.note(Line("cancelled"))
    assert book.take(100) is None and book.status(100) == "cancelling"
    book.let_go(0)
    assert book.status(100) == "cancelled"


def test_an_expired_batch_gives_no_more() -> None:
    book = Book(SPEC)
    assert book.take(200) is None and book.status(200) == "expired"


def test_a_line_of_no_item_of_it_says_nothing() -> None:
    assert Book(SPEC, [Line("completed", 3), Line("completed", -1)]).done == {}


def test_what_clients_see() -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": None, "code": "x"}
    shape = Book(SPEC, [Line("failed", 2, error=error), DONE[0]]).shape(150, "/v1/audio/batches/batch_1")
    assert shape["request_counts"] == {"total": 3, "completed": 1, "failed": 1}
    assert shape["results"] == [
        {
            "index": 0,
            "custom_id": "a",
            "status": "completed",
            "url": "/v1/audio/batches/batch_1/results/0",
            "content_type": "audio/mpeg",
        },
        {"index": 2, "custom_id": "c", "status": "failed", "error": error},
    ]
    assert (shape["status"], shape["created_at"], shape["expires_at"]) == ("in_progress", 100, 200)


def test_it_remembers_what_its_key_might_use() -> None:
    assert SPEC.principal.name == "ann" and SPEC.principal.models == {"local"}
