"""The simulation: nothing leaves against a limit, and what goes together gives what goes one by one would."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.gate import Gate
from campaigns.model import simulation
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.model.simulation import WINDOW, Begin, Course, Flow, simulate, stretch_for
from campaigns.model.throttle import LATE, Spending, Throttle

NOW = int(datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000


def go(
    flows: list[Flow], texts: dict[str, str], stretch: float, begins: dict[int, Begin] | None = None
) -> dict[int, Course]:
    throttles = {key: Throttle.parse(text) for key, text in texts.items()}
    speeds = {key: throttle.speed for key, throttle in throttles.items() if throttle.paced}
    micros = stretch * 1_000_000
    limits = {key: Spending(one.over(4 * micros), late=max(LATE, round(2 * micros))) for key, one in throttles.items()}
    every = {flow.campaign: Begin(0) for flow in flows}
    return simulate(flows, begins or every, limits, speeds, now=NOW, stretch=stretch)


def about(instant: int) -> Any:
    """A unit's slice counts for a thousandth longer."""
    return pytest.approx(instant, abs=(instant - NOW) // 500)


def window(text: str) -> Gate:
    return Gate(SendWindows((SendWindow.parse(text).in_zone("UTC"),)))


def test_an_even_pace_is_kept_to_the_last_mail() -> None:
    [course] = go([Flow(1, "relay", [(0, 601)], ("a",))], {"a": "20/min"}, 0.0).values()
    assert (course.first, course.last) == (NOW, about(NOW + 30 * MINUTE))
    assert (sum(course.curve.values()), max(course.curve.values())) == (601, 20)


def test_what_may_be_used_at_once_waits_for_the_next_hour() -> None:
    [course] = go([Flow(1, "relay", [(0, 250)], ("a",))], {"a": "100/h"}, 0.0).values()
    assert course.last is not None
    assert 2 * HOUR <= course.last - NOW <= 2.01 * HOUR
    assert course.curve[NOW] == 100


def test_a_window_that_shuts_keeps_what_is_left() -> None:
    [course] = go([Flow(1, "relay", [(0, 90)], ("a",), window("08:00-09:00"))], {"a": "1/min"}, 0.0).values()
    assert course.last == about(NOW + 24 * HOUR + 29 * MINUTE)
    assert course.curve[NOW + 59 * MINUTE] == 1
    assert course.curve[NOW + 60 * MINUTE] == 0
    assert WINDOW in course.held


def test_a_canary_leaves_alone_and_the_others_wait_for_it() -> None:
    flows = [Flow(1, "relay", [(0, 100)]), Flow(1, "relay", [(0, 10)], ("a",), canary=True)]
    [course] = go(flows, {"a": "1/min"}, 0.0, {1: Begin(0, hold=HOUR)}).values()
    assert course.last == about(NOW + 9 * MINUTE + HOUR)
    assert course.mails == 110


def test_campaigns_take_turns_on_what_they_share() -> None:
    flows = [Flow(1, "relay", [(0, 1_000)], ("a",)), Flow(2, "relay", [(0, 10)], ("a",))]
    courses = go(flows, {"a": "1/s"}, 0.0)
    assert courses[2].last == about(NOW + 19_000_000)


def test_what_nobody_will_see_the_end_of_is_told() -> None:
    [course] = go([Flow(1, "relay", [(0, 500)], ("a",), window("mon 09:00-10:00"))], {"a": "1/d"}, 0.0).values()
    assert (course.mails, course.left) == (57, 443)  # as many Mondays as there are in 400 days


class Growing:
    """A limit of another kind, as a warm-up is one: each hour lets through twice as many as the one before."""

    def __init__(self) -> None:
        self.used: dict[int, int] = {}

    def most(self, now: int) -> int:
        return 10 * 2 ** ((now - NOW) // HOUR)

    def wait(self, now: int, n: int, *, ahead: int = 0) -> int:
        hour = (now - NOW) // HOUR
        return 0 if self.used.get(hour, 0) + n <= self.most(now) else NOW + (hour + 1) * HOUR - now

    def take(self, now: int, n: int) -> None:
        hour = (now - NOW) // HOUR
        self.used[hour] = self.used.get(hour, 0) + n
        assert self.used[hour] <= self.most(now)


@pytest.mark.parametrize("mails", [150, 15_000])
def test_any_limit_with_the_same_three_methods_will_do(mails: int) -> None:
    flow = Flow(1, "relay", [(0, mails)], ("grows",))
    [course] = simulate(
        [flow], {1: Begin(0)}, {"grows": Growing()}, {}, now=NOW, stretch=stretch_for([flow], {})
    ).values()
    hours = next(hours for hours in range(20) if 10 * (2**hours - 1) >= mails)
    assert (course.mails, course.last) == (mails, NOW + (hours - 1) * HOUR)
    assert course.held.keys() == {"grows"}


_flow = st.tuples(
    st.integers(1, 2),  # campaign
    st.sampled_from(["relay", "cloud"]),
    st.integers(200, 1_500),  # mails
    st.sets(st.sampled_from(["a", "b"])),
    st.integers(0, 2),  # hours until they are due
    st.sampled_from(["", "08:00-09:00", "10:00-18:00"]),
)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(_flow, min_size=1, max_size=4),
    st.sampled_from(["40/min", "2/s", "70/min burst 9"]),
    st.sampled_from(["15/min", "500/h", "30/s"]),
)
def test_together_gives_within_a_hundredth_what_one_by_one_gives(
    found: list[tuple[int, str, int, set[str], int, str]], a: str, b: str
) -> None:
    flows = [
        Flow(
            campaign, transport, [(NOW + hours * HOUR, mails)], ("every", *sorted(keys)), window(text) if text else None
        )
        for campaign, transport, mails, keys, hours, text in found
    ]
    texts = {"every": "50/s", "a": a, "b": b}
    single, together = go(flows, texts, 0.0), go(flows, texts, 8.0)
    ends = [max(course.last or NOW for course in courses.values()) for courses in (single, together)]
    assert abs(ends[0] - ends[1]) <= max(0.01 * (ends[0] - NOW), 30_000_000)
    for campaign, course in single.items():
        other = together[campaign]
        assert (other.mails, other.left) == (course.mails, course.left)
        assert course.last is not None
        assert other.last is not None
        # Campaigns that share a slow limit take turns by groups: one of them may be through a little before the other.
        assert abs(other.last - course.last) <= max(0.1 * (course.last - NOW), 30_000_000)


def test_little_mail_goes_one_by_one_and_much_in_bounded_steps() -> None:
    few, many = Flow(1, "relay", [(0, 5_000)], ("a",)), Flow(1, "relay", [(0, 1_000_000)], ("a",))
    assert stretch_for([few], {"a": 10.0}) == 0.0
    assert 1_000_000 / (stretch_for([many], {"a": 10.0}) * 10.0) <= simulation._STEPS
