from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from campaigns.model.retry import given_up, next_try

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)


@given(st.integers(1, 50), st.floats(0, 1))
def test_waits_grow_from_one_minute_to_two_hours_with_a_fifth_of_jitter(deferrals: int, chance: float) -> None:
    minutes = [1, 5, 15, 60, 120][min(deferrals, 5) - 1]
    wait = next_try(deferrals, AT, chance=chance) - AT
    assert timedelta(minutes=minutes * 0.8) <= wait <= timedelta(minutes=minutes * 1.2)


def test_a_server_that_asks_for_more_time_gets_it() -> None:
    assert next_try(1, AT, retry_after=3600) == AT + timedelta(hours=1)


def test_a_message_is_given_up_when_its_next_try_comes_too_late() -> None:
    day = timedelta(hours=24)
    assert not given_up(AT, AT + day, day)
    assert given_up(AT, AT + day + timedelta(seconds=1), day)
