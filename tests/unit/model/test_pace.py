"""A pace falls to half when a server complains, and rises again by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.model.pace import Pace

SECOND = 1_000_000
MINUTE = 60 * SECOND
NOW = 1_700_000_000 * SECOND


def fresh() -> Pace:
    return Pace(0.0, 0.0, 0)


def test_nobody_is_held_before_the_first_complaint() -> None:
    pace = fresh()
    pace.take(NOW, 100)
    assert (pace.wait(NOW, 1), pace.slowed(NOW), pace.speed(NOW)) == (0, False, None)


def test_it_falls_to_half_and_is_at_full_speed_after_ten_minutes() -> None:
    pace = fresh()
    pace.slow(NOW, 10.0, None)
    assert pace.speed(NOW) == 5.0
    assert pace.speed(NOW + 5 * MINUTE) == pytest.approx(7.5)
    assert pace.speed(NOW + 10 * MINUTE) is None


def test_one_haste_is_one_complaint_whoever_hears_it() -> None:
    pace = fresh()
    for at in range(9):
        pace.slow(NOW + at * SECOND, 10.0, None)
    assert pace.speed(NOW) == 5.0
    pace.slow(NOW + 11 * SECOND, 10.0, None)
    assert pace.speed(NOW + 11 * SECOND) == pytest.approx(2.5, rel=0.02)


def test_a_time_to_wait_is_waited_and_the_rise_begins_after_it() -> None:
    pace = fresh()
    pace.slow(NOW, 10.0, 120.0)
    assert pace.wait(NOW, 1) == 120 * SECOND
    assert pace.speed(NOW + 120 * SECOND) == 5.0
    pace.slow(NOW + SECOND, 10.0, 300.0)  # a longer one counts, within the same haste, too
    assert pace.wait(NOW + SECOND, 1) == 300 * SECOND


def test_one_a_minute_goes_whatever_is_said() -> None:
    pace, now = fresh(), NOW
    for _ in range(50):
        pace.slow(now, 0.1, None)
        now += 11 * SECOND
    assert pace.rate == pytest.approx(1 / 60)


def test_a_clock_that_is_set_takes_the_pace_along() -> None:
    pace = fresh()
    pace.slow(NOW, 10.0, 60.0)
    pace.shift(3600 * SECOND)
    assert pace.wait(NOW + 3600 * SECOND, 1) == 60 * SECOND


@settings(max_examples=60, deadline=None)
@given(going=st.floats(0.05, 500), batch=st.integers(1, 50), gaps=st.lists(st.floats(0, 20), max_size=30))
def test_what_goes_is_never_more_than_the_pace_lets_through(going: float, batch: int, gaps: list[float]) -> None:
    pace, now, begun = fresh(), NOW, []
    pace.slow(now, going, None)
    for gap in [*gaps, *[0.0] * 20]:
        now += round(gap * SECOND)
        n = min(batch, pace.most(now))
        now += pace.wait(now, n)
        if pace.speed(now) is None:
            break
        pace.take(now, n)
        begun.append((now, n))
    for place, (first, _) in enumerate(begun):
        for last, _ in begun[place + 1 :]:
            # each waits until all before it are paid for, at a speed that only rises
            paid = sum(n for at, n in begun[place:] if at < last)
            assert paid <= (last - first) / SECOND * (pace.speed(last) or pace.top) * 1.001 + 0.001
