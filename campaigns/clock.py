"""The one place that asks the machine for the time, so that tests can run on a clock of their own."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time as an aware UTC instant or as the tables keep it, and monotonic seconds."""

    def now(self) -> datetime: ...

    def micros(self) -> int: ...

    def monotonic(self) -> float: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def micros(self) -> int:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()


def to_micros(instant: datetime) -> int:
    """An aware instant as microseconds since 1970 UTC, the form that the tables keep."""
    if instant.tzinfo is None:
        msg = "A naive datetime has no place here: give it a zone."
        raise ValueError(msg)
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant of a table's microseconds, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
