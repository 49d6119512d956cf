"""When a deferred message is tried again, and when it is given up."""

import random
from datetime import datetime, timedelta

_WAITS = (1, 5, 15, 60, 120)  # minutes after the first, second, ... deferral; the last one repeats
_JITTER = 0.2  # a share either way, so that a crowd deferred together does not come back together


def next_try(
    deferrals: int, at: datetime, *, retry_after: float | None = None, chance: float | None = None
) -> datetime:
    """The instant of the next try after the `deferrals`-th deferral (1 for the first) at `at`.

    `retry_after`: seconds that the server asked for, honoured where longer. `chance`: 0..1, drawn unless given.
    """
    minutes = _WAITS[min(deferrals, len(_WAITS)) - 1]
    draw = random.random() if chance is None else chance  # noqa: S311 - spreads load, guards nothing
    wait = timedelta(minutes=minutes * (1 + _JITTER * (2 * draw - 1)))
    return at + max(wait, timedelta(seconds=retry_after or 0))


def given_up(first_try: datetime, next_one: datetime, give_up_after: timedelta) -> bool:
    """Whether the next try would come too late to be made."""
    return next_one - first_try > give_up_after
