"""A warm-up's step and what it lets through, compared with what a clock on the wall says of the hand-overs."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.clock import from_micros, to_micros
from campaigns.model.warm_up import WarmUp
from campaigns.model.warming_up import Reached, WarmingUp

SECOND, MINUTE, HOUR, DAY = (n * 1_000_000 for n in (1, 60, 3_600, 86_400))
BERLIN = "Europe/Berlin"
TABLE = WarmUp.parse(f"5/d, 10/d, 20/d {BERLIN}")


def berlin(text: str) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)))


def begun(text: str = "2026-12-01 09:00", table: WarmUp = TABLE) -> tuple[WarmingUp, int]:
    now = berlin(text)
    return WarmingUp(table, Reached(), (), now), now


def test_a_day_lets_its_step_through_and_the_rest_waits_for_midnight() -> None:
    found, now = begun()
    assert (found.step(now), found.most(now), found.wait(now, 5)) == (0, 5, 0)
    found.take(now, 3)
    assert found.most(now) == 2
    assert found.wait(now, 3) == berlin("2026-12-02 00:00") - now
    found.take(now, 2)
    tomorrow = berlin("2026-12-02 00:00")
    assert found.wait(now, 1) == found.wait(now, 10) == tomorrow - now
    assert found.wait(now, 11) == tomorrow + DAY - now
    assert found.wait(now, 10, ahead=10 + 20 + 7) == tomorrow + 2 * DAY - now
    assert found.wait(tomorrow - 1, 1) == 1
    assert (found.step(tomorrow), found.room(tomorrow)) == (1, 10)


def test_days_without_mail_are_no_steps_and_a_month_of_them_begins_anew() -> None:
    found, now = begun()
    found.take(now, 5)
    assert found.step(now + 5 * DAY) == found.step(now + 30 * DAY) == 1
    assert found.step(now + 31 * DAY) == 0


def test_after_the_last_step_there_is_no_limit_until_a_month_without_mail() -> None:
    found, now = begun()
    for ahead in range(3):
        found.take(now + ahead * DAY, 1)
    over = now + 3 * DAY
    assert found.limit(over) is None
    assert found.wait(over, 10**6) == 0
    assert found.most(over) > 10**6
    assert found.take(over, 1_000) is None
    assert found.reached.day == date(2026, 12, 4)
    assert found.limit(over + 30 * DAY) is None
    assert found.limit(over + 31 * DAY) == TABLE.steps[0]


@pytest.mark.parametrize(("deferred", "step"), [(0, 2), (1, 2), (2, 0)])
def test_a_day_of_many_deferrals_is_followed_by_the_step_before(deferred: int, step: int) -> None:
    found, now = begun()
    found.take(now, 5)
    found.answered(5, 5)  # of so few, a share says nothing
    now += DAY
    assert found.step(now) == 1
    found.take(now, 10)
    found.answered(20, deferred)
    assert found.step(now) == 1
    assert found.step(now + DAY) == step


def test_an_answer_that_comes_after_midnight_counts_for_the_day_before() -> None:
    found, now = begun("2026-12-01 23:59")
    found.take(now, 5)
    assert found.step(now + HOUR) == 1
    found.answered(40, 40)
    assert found.step(now + HOUR) == 0


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_lasts_from_midnight_to_midnight_whatever_clocks_do_in_it(day: str, hours: int) -> None:
    found, now = begun(f"{day} 00:00")
    found.take(now, 5)
    assert found.wait(now, 1) == hours * HOUR


def test_an_hour_lets_its_step_through_and_the_next_day_has_larger_ones() -> None:
    found, now = begun("2026-12-01 22:20", WarmUp.parse(f"20/h, 28/h {BERLIN}"))
    found.take(now, 20)
    assert found.wait(now, 1) == found.wait(now, 20) == 40 * MINUTE
    assert found.wait(now, 21) == 100 * MINUTE  # which two hours could: the second of them is tomorrow's
    now += 40 * MINUTE
    assert found.most(now) == 20
    found.take(now, 20)
    assert found.most(now + HOUR) == 28


@pytest.mark.parametrize(
    ("sent_today", "step", "today", "tomorrow"), [(False, 2, 2, 2), (True, 2, 2, 3), (False, 0, 0, 0), (True, 3, 3, 3)]
)
def test_a_person_puts_it_to_a_step_for_today(*, sent_today: bool, step: int, today: int, tomorrow: int) -> None:
    found, now = begun()
    if sent_today:
        found.take(now, 1)
    found.put(step, now, heard=7)
    assert found.step(now) == today
    assert found.reached.heard == 7
    assert found.step(now + DAY) == tomorrow  # a day on which nothing leaves is no step
    assert WarmingUp(TABLE, found.reached, (), now).step(now) == today


def test_a_clock_that_is_set_takes_no_step_and_grants_nothing() -> None:
    for jump in (HOUR, -HOUR, 13 * HOUR, -13 * HOUR, 3 * DAY, -3 * DAY, 400 * DAY):
        found, now = begun("2026-12-01 23:30")
        found.take(now, 5)
        found.shift(jump)
        assert (found.step(now + jump), found.room(now + jump)) == (0, 0), jump


def test_what_a_commit_holds_up_beyond_midnight_counts_for_the_new_day() -> None:
    found, now = begun("2026-12-01 23:59")
    found.take(now, 4)
    assert found.postpone(now, now + SECOND, 4) == []
    midnight = berlin("2026-12-02 00:00")
    assert found.postpone(now, midnight, 4) == [(midnight - MINUTE, 0), (midnight, 4)]
    assert (found.step(midnight), found.room(midnight)) == (1, 6)


class Wall:
    """A warm-up, the store's memory of it, and every hand-over where the clock would show it now."""

    def __init__(self, table: WarmUp, now: int) -> None:
        self.table, self.now = table, now
        self.zone = ZoneInfo(table.zone)
        self.kept: dict[int, int] = {}
        self.reached = Reached()
        self.gone: list[int] = []
        self.days: set[date] = set()  # as they were called when something left on them
        self.found = WarmingUp(table, self.reached, (), now)

    def hand_over(self, wish: int) -> None:
        n = min(wish, self.found.most(self.now))
        if self.found.wait(self.now, n):
            return
        if (use := self.found.take(self.now, n)) is not None:
            self.kept[use[0]] = use[1]
        self.reached = self.found.reached
        self.gone += [self.now] * n
        self.look()
        self.days.add(self.day(self.now))

    def set_clock(self, jump: int) -> None:
        self.now += jump
        self.gone = [at + jump for at in self.gone]
        self.kept.update(self.found.shift(jump))
        self.reached = self.found.reached

    def restart(self, jump: int) -> None:
        self.now += jump
        self.found = WarmingUp(self.table, self.reached, self.kept.items(), self.now)

    def look(self) -> None:
        """No day, and no hour, holds more than the other days on which something left allow."""
        today = self.day(self.now)
        shown = {self.day(at) for at in self.gone} | self.days
        step = len(shown - {today})
        if step >= len(self.table.steps):
            return
        limit = self.table.steps[step]
        stretch: Callable[[int], object] = self.day if limit.unit == "d" else self.hour
        assert sum(stretch(at) == stretch(self.now) for at in self.gone) <= limit.count

    def day(self, at: int) -> date:
        return from_micros(at).astimezone(self.zone).date()

    def hour(self, at: int) -> object:
        local = from_micros(at).astimezone(self.zone)
        return local.date(), local.hour, local.utcoffset()


ACTS = st.one_of(
    st.tuples(st.just("hand over"), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.sampled_from([SECOND, 7 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY])),
    st.tuples(st.just("set clock"), st.sampled_from([HOUR, -HOUR, -95 * MINUTE, 13 * HOUR, -25 * HOUR, 4 * DAY])),
    st.tuples(st.just("restart"), st.sampled_from([0, MINUTE, DAY, -HOUR, -26 * HOUR])),
)
ZONES = st.sampled_from([BERLIN, "America/Havana", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"])
STARTS = (
    st.one_of(  # microseconds: half a year with four nights on which clocks are set, and the evenings before others
        st.integers(to_micros(datetime(2017, 10, 1, tzinfo=UTC)), to_micros(datetime(2018, 3, 30, tzinfo=UTC))),
        st.sampled_from([berlin("2026-03-28 21:00"), berlin("2026-10-24 22:00"), berlin("2026-11-01 00:00")]),
    )
)


@settings(max_examples=150, deadline=None)
@given(
    ZONES, STARTS, st.sampled_from(["2/d, 5/d, 9/d, 20/d, 30/d", "2/h, 3/h, 7/h, 11/h"]), st.lists(ACTS, max_size=40)
)
def test_no_day_holds_more_than_its_step_through_restarts_and_clocks_that_are_set(
    zone: str, start: int, table: str, acts: list[tuple[str, int]]
) -> None:
    wall = Wall(WarmUp.parse(f"{table} {zone}"), start)
    for act, number in acts:
        if act == "hand over":
            wall.hand_over(number)
        elif act == "wait":
            wall.now += number
        elif act == "set clock":
            wall.set_clock(number)
        else:
            wall.restart(number)


@settings(max_examples=60, deadline=None)
@given(ZONES, STARTS, st.sampled_from(["2/d, 5/d, 9/d", "2/h, 3/h, 7/h"]), st.integers(1, 60))
def test_a_wait_is_over_as_soon_as_it_says(zone: str, start: int, table: str, mails: int) -> None:
    now = start
    found = WarmingUp(WarmUp.parse(f"{table} {zone}"), Reached(), (), now)
    for _ in range(mails):
        wait = found.wait(now, 1)
        assert wait == 0 or (found.room(now) == 0 and found.wait(now + wait - 1, 1) == 1)
        now += wait
        assert found.wait(now, 1) == 0
        found.take(now, 1)
