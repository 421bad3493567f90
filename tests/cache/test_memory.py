from mediaserver.cache.entry import Entry
from mediaserver.cache.memory import SWEEP_S, Memory
from mediaserver.cache.tally import Tally


class Wall:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(size: int = 500, until: float = 1100.0) -> Entry:
    """One that counts as so many bytes more than an empty one."""
    return Entry(1000.0, until, b"", bytes(size))


def test_what_was_not_used_for_the_longest_time_goes_first():
    tally = Tally()
    memory = Memory(4000, tally, Wall())
    for key in "abcd":
        memory.put(key, entry())
    assert memory.get("a") is not None
    memory.put("e", entry())
    assert [key for key in "abcde" if memory.get(key)] == ["a", "c", "d", "e"]
    assert memory.bytes == 4000 and tally.evictions == {"memory": 1}


def test_an_entry_that_would_push_out_all_others_is_not_kept():
    memory = Memory(4000, Tally(), Wall())
    memory.put("a", entry())
    memory.put("b", entry(501))
    assert memory.get("b") is None and memory.get("a") is not None


def test_what_is_put_again_is_counted_once():
    memory = Memory(4000, Tally(), Wall())
    memory.put("a", entry())
    memory.put("a", entry(100))
    assert memory.bytes == 600 and memory.get("a") == entry(100)


def test_what_is_too_old_is_not_found_and_goes():
    wall = Wall()
    memory = Memory(100_000, Tally(), wall)
    memory.put("a", entry(until=1010.0))
    memory.put("b", entry(until=1010.0))
    wall.now = 1010.0
    assert memory.get("a") is None and memory.bytes == 1000
    wall.now += SWEEP_S
    memory.put("c", entry(until=2000.0))
    assert memory.bytes == 1000 and memory.get("c") is not None


def test_a_memory_of_nothing_keeps_nothing():
    memory = Memory(0, Tally())
    memory.put("a", entry(0))
    assert memory.get("a") is None and memory.bytes == 0
