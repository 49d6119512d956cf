"""What becomes of mail whose time passed while nobody was there to send it."""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.errors import UsageError
from campaigns.model.send_window import SendWindows
from campaigns.model.wall_time import first_instant


class Late(StrEnum):
    """A campaign's policy. Mail is late when it could have left, and over `late_after` ago no worker was there."""

    SEND = "send"  # at once, if its windows are open
    NEXT_WINDOW = "next-window"  # when its windows open next; without any, at the same time of the next day
    ASK = "ask"  # the campaign is paused until a person resumes it
    EXPIRE = "expire"  # never

    @classmethod
    def read(cls, text: str) -> "Late":
        """The policy that a person typed; UsageError names all of them."""
        word = "-".join(text.lower().replace("_", "-").split())
        if word not in list(cls):
            raise UsageError(f"“{text}” is no way to treat late mail.", remedy=f"Choose one of {', '.join(cls)}.")
        return cls(word)


def is_late(windows: SendWindows, intended: datetime, *, absent_from: datetime, before: datetime) -> bool:
    """Whether mail could have left first between the two instants, in which no worker was there."""
    first = windows.next_opening(intended)
    return first is not None and absent_from <= first < before


def next_chance(windows: SendWindows, intended: datetime, zone: str, now: datetime) -> datetime | None:
    """When late mail leaves under NEXT_WINDOW: at the next opening, the running one left aside.

    Without windows at the same time of a later day, by a clock in `zone`; None if the windows open no more.
    """
    if windows:
        return windows.opening_after(now)
    place = ZoneInfo(zone)
    wall = intended.astimezone(place).replace(tzinfo=None)
    today = now.astimezone(place).date()
    at = first_instant(datetime.combine(max(wall.date(), today), wall.time()), place)
    return at if at > now else first_instant(datetime.combine(today + timedelta(days=1), wall.time()), place)
