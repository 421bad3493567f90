import asyncio

import pytest

from mediaserver.audio.mailbox import Mailbox, MailboxStatistics


async def test_gives_frames_in_order_and_waits_for_the_next():
    box = Mailbox(4)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reader = group.create_task(box.get())
        await asyncio.sleep(0)
        box.put(b"a")
        box.put(b"b")
    assert reader.result() == b"a"
    assert box.take() == b"b"
    assert box.take() is None


def test_a_full_box_forgets_the_oldest_and_counts_it():
    box = Mailbox(3)
    for frame in range(5):
        box.put(frame)
    assert [box.take() for _ in range(3)] == [2, 3, 4]
    assert box.statistics() == MailboxStatistics(put=5, dropped=2, waiting=0, limit=3)


async def test_a_closed_box_is_read_to_its_end():
    box = Mailbox(3)
    box.put(1)
    box.close()
    box.put(2)
    assert len(box) == 1
    assert await box.get() == 1
    with pytest.raises(EOFError):
        await box.get()
    assert box.statistics().dropped == 1


async def test_closing_wakes_the_reader():
    box = Mailbox(1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reader = group.create_task(asyncio.wait_for(asyncio.gather(box.get(), return_exceptions=True), 5))
        await asyncio.sleep(0)
        box.close()
    assert isinstance(reader.result()[0], EOFError)
