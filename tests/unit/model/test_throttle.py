"""Throttles on a virtual clock: no window of one unit ever holds more than was granted."""

import bisect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import ThrottleError
from campaigns.model.throttle import Spending, Throttle


@pytest.mark.parametrize("text", ["20/s", "300/min", "5000/h", "50000/d", "100/s burst 20"])
def test_a_throttle_reads_back_as_it_was_written(text: str) -> None:
    assert str(Throttle.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "same"),
    [("20 / second", "20/s"), ("300/minute", "300/min"), ("7/H", "7/h"), ("10/s, burst 20", "10/s burst 10")],
)
def test_other_ways_of_writing_mean_the_same(text: str, same: str) -> None:
    assert str(Throttle.parse(text)) == same


@pytest.mark.parametrize(
    "text", ["", "fast", "20", "20/", "/s", "0/s", "-1/s", "20/fortnight", "20/s burst 0", "1.5/s"]
)
def test_what_is_no_throttle_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ThrottleError) as caught:
        Throttle.parse(text)
    assert "300/min" in caught.value.remedy


throttles = st.builds(
    Throttle,
    count=st.integers(1, 60),
    unit=st.sampled_from(["s", "min", "h"]),
    burst=st.none() | st.integers(1, 5),
)


@settings(max_examples=150, deadline=None)
@given(
    throttle=throttles,
    gaps=st.lists(st.floats(0, 1.2), min_size=20, max_size=200),
    sizes=st.lists(st.integers(1, 5), min_size=1),
)
def test_no_window_holds_more_than_the_throttle_grants(throttle: Throttle, gaps: list[float], sizes: list[int]) -> None:
    spending, now, begun = Spending(throttle), 1_700_000_000_000_000, []
    for number, gap in enumerate(gaps):
        n = min(sizes[number % len(sizes)], throttle.count)
        now += round(gap * throttle.micros / throttle.count * n)
        if spending.wait(now, n) == 0:
            spending.take(now, n)
            begun += [now] * n
    _assert_no_window_exceeded(begun, throttle)


@settings(max_examples=60, deadline=None)
@given(throttle=throttles, restarts=st.lists(st.integers(1, 40), max_size=4))
def test_a_restart_grants_nothing(throttle: Throttle, restarts: list[int]) -> None:
    kept: dict[int, int] = {}
    now, begun = 1_700_000_000_000_000, []
    for sends in [*restarts, 40]:
        spending = Spending(throttle, kept.items())
        for _ in range(sends):
            now += spending.wait(now, 1)
            start, used = spending.take(now, 1)
            kept[start] = used
            begun.append(now)
    _assert_no_window_exceeded(begun, throttle)


@settings(max_examples=60, deadline=None)
@given(throttle=throttles)
def test_waiting_as_told_reaches_the_rate_within_one_percent(throttle: Throttle) -> None:
    spending, began = Spending(throttle), 1_700_000_000_000_000
    now = began
    rounds = throttle.count * 12
    for _ in range(rounds):
        now += spending.wait(now, 1)
        assert spending.wait(now, 1) == 0
        spending.take(now, 1)
    assert (now - began) <= 12 * throttle.micros * 1.01


def test_seconds_are_paced_evenly_and_a_pause_earns_no_burst() -> None:
    spending, now = Spending(Throttle.parse("10/s")), 10**15
    spending.take(now, 1)
    assert spending.wait(now, 1) == 100_000
    now += 5_000_000
    assert spending.wait(now, 1) == 0
    spending.take(now, 1)
    assert spending.wait(now, 1) == 100_000


def test_a_little_lateness_is_caught_up() -> None:
    spending, now = Spending(Throttle.parse("10/s")), 10**15
    spending.take(now, 1)
    spending.take(now + 130_000, 1)  # 30 ms late
    assert spending.wait(now + 130_000, 1) == 70_000


def test_a_day_may_be_used_at_once() -> None:
    spending, now = Spending(Throttle.parse("1000/d")), 10**15
    assert spending.wait(now, 1000) == 0
    spending.take(now, 1000)
    assert spending.wait(now, 1) == pytest.approx(Throttle.parse("1/d").micros, rel=0.002)


def test_a_burst_may_go_at_once_and_then_the_pace_rules() -> None:
    spending, now = Spending(Throttle.parse("10/s burst 3")), 10**15
    for _ in range(3):
        assert spending.wait(now, 1) == 0
        spending.take(now, 1)
    assert spending.wait(now, 1) == 100_000


def test_promised_turns_stand_in_front() -> None:
    spending, now = Spending(Throttle.parse("10/s")), 10**15
    spending.take(now, 1)
    assert spending.wait(now, 1, ahead=2) == 300_000


def test_what_a_commit_held_up_counts_from_its_end() -> None:
    spending, now = Spending(Throttle.parse("2/s burst 2")), 10**15
    spending.take(now, 2)
    assert spending.postpone(now, now + 900, 1) == []  # within its slice
    assert spending.postpone(now, now + 400_000, 1) == [(now, 1), (now + 400_000, 1)]
    assert spending.wait(now + 1_001_000, 1) == 0
    spending.take(now + 1_001_000, 1)
    assert spending.wait(now + 1_001_000, 1) == 400_000


def test_what_was_held_up_for_longer_than_a_unit_counts_again() -> None:
    spending, now = Spending(Throttle.parse("2/s burst 2")), 10**15
    spending.take(now, 2)
    assert spending.wait(now + 3_000_000, 2) == 0
    assert spending.postpone(now, now + 3_000_000, 2) == [(now + 3_000_000, 2)]
    assert spending.wait(now + 3_000_000, 1) == 1_001_000


def test_slices_move_with_a_clock_that_was_set() -> None:
    spending, now = Spending(Throttle.parse("2/h")), 10**15
    spending.take(now, 2)
    spending.shift(-3_600_000_000)
    assert spending.wait(now - 3_600_000_000, 1) > 3_500_000_000


def _assert_no_window_exceeded(begun: list[int], throttle: Throttle) -> None:
    for number, instant in enumerate(begun):
        inside = bisect.bisect_left(begun, instant + throttle.micros) - number
        assert inside <= throttle.count
