from mediaserver.audio.cushion import LONE, MOST, SHORTEST, STEADY, WINDOW, Cushion


def test_begins_with_one_frame_and_grows_by_one_each_time_it_runs_dry():
    cushion = Cushion()
    assert not cushion.ready(0, complete=False)
    assert cushion.ready(1, complete=False)
    cushion.ran_dry()
    assert cushion.ready(0, complete=False), "a frame was made up: what comes next is one later already"
    cushion.rest()
    assert not cushion.ready(1, complete=False)
    assert cushion.ready(2, complete=False)
    assert cushion.underruns == 1


def test_another_clock_is_no_reason_to_hold_back_more():
    cushion = Cushion()
    for _ in range(100):
        for _ in range(STEADY):
            cushion.pulled(0)
        cushion.ran_dry()
    assert (cushion.frames, cushion.underruns) == (1, 100)


def test_what_a_lone_miss_left_is_given_up_soon_and_what_jitter_left_is_not():
    cushion = Cushion()
    cushion.ready(1, complete=False)
    for _ in range(STEADY):
        cushion.pulled(0)
    cushion.ran_dry()
    assert [cushion.pulled(1) for _ in range(LONE)].index(True) == LONE - 1
    for _ in range(LONE):
        cushion.pulled(1)
    assert cushion.overdue
    cushion.gave_up()
    cushion.ran_dry()  # so soon after it: jitter
    assert not any(cushion.pulled(1) for _ in range(WINDOW - 1))


def test_does_not_wait_for_what_will_not_come():
    cushion = Cushion()
    cushion.ran_dry()
    cushion.rest()
    assert cushion.ready(1, complete=True)


def test_is_bounded():
    cushion = Cushion()
    for _ in range(100):
        cushion.ran_dry()
    assert cushion.frames == MOST


def test_offers_a_frame_only_after_the_whole_window_was_too_deep():
    cushion = Cushion()
    cushion.ready(1, complete=False)
    assert not any(cushion.pulled(1) for _ in range(WINDOW - 1))
    assert cushion.pulled(1)
    assert not cushion.overdue
    cushion.gave_up()
    assert cushion.given_up == 1
    offers = [cushion.pulled(0 if pull % WINDOW == 40 else 1) for pull in range(10 * WINDOW)]
    assert not any(offers)  # now and then it has nothing to spare


def test_what_was_a_while_ago_does_not_count_for_ever():
    cushion = Cushion()
    cushion.ready(1, complete=False)
    cushion.pulled(0)
    assert [cushion.pulled(1) for _ in range(WINDOW)].index(True) == WINDOW - 1


def test_gives_up_the_sooner_the_deeper_it_is():
    for left, pulls in ((2, WINDOW // 2), (3, WINDOW // 3), (MOST, SHORTEST)):
        cushion = Cushion()
        cushion.ready(1, complete=False)
        assert [cushion.pulled(left) for _ in range(pulls)].index(True) == pulls - 1
        assert cushion.overdue  # a quiet frame is not waited for


def test_what_came_at_once_and_stays_is_given_up_soon():
    cushion = Cushion()
    cushion.ready(1, complete=False)
    assert not any(cushion.pulled(1) for _ in range(SHORTEST // 2))
    offers = [cushion.pulled(8) for _ in range(3 * SHORTEST)]
    assert offers.index(True) <= 2 * SHORTEST
    assert cushion.overdue


def test_a_source_that_sends_long_pieces_keeps_its_cushion():
    cushion = Cushion()
    cushion.ready(1, complete=False)
    piece = [*range(SHORTEST, 1, -1), 1]
    assert not any(cushion.pulled(left) for left in piece * 4)
