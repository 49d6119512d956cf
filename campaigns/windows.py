"""Send windows as settings and campaigns write them, and the dates of their holidays.

The only importer of `holidays`. "DE" is a country, "DE-BY" one of its regions, "DE-BY, AT" both: shut in either.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from campaigns.errors import WindowError
from campaigns.model.send_window import SendWindow, SendWindows

if TYPE_CHECKING:
    from holidays import HolidayBase

_CODE = re.compile(r"([A-Z]{2})(?:-([A-Za-z0-9]{1,6}))?")
_FORM = "Write a country's two letters, and a region after a hyphen: DE, DE-BY, US-CA."


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of some countries or regions, in any year; a container of dates."""

    codes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Holidays":
        """`DE-BY`, or several with commas; WindowError if one is unknown."""
        codes = tuple(code for part in text.split(",") if (code := part.strip()))
        for code in codes:
            _dates(code)
        return cls(codes)

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and any(day in _dates(code) for code in self.codes)

    def __bool__(self) -> bool:
        return bool(self.codes)

    def __str__(self) -> str:
        return ", ".join(self.codes)


def written(windows: Iterable[SendWindow], holidays: Holidays, zone: str) -> tuple[SendWindow, ...]:
    """The windows of one place, in `zone` unless they say another, shut on its holidays; holidays alone are a window, too."""
    placed = tuple(SendWindow(one.hours, one.zone or zone, holidays) for one in windows)
    return placed or ((SendWindow.on_all_days_but(holidays, zone),) if holidays else ())


def of_campaign(texts: Iterable[str], holidays: str, zone: str) -> tuple[SendWindow, ...]:
    """A campaign's own windows, from their text forms."""
    return written(map(SendWindow.parse, texts), Holidays.parse(holidays), zone)


def of_lane(texts: Iterable[str], holidays: str, zone: str, others: SendWindows, *, theirs: str = "") -> SendWindows:
    """All windows that a lane's mail waits for: its campaign's own, and `others`, on the clocks of people in `theirs`."""
    own = of_campaign(texts, holidays, zone)
    return SendWindows((*own, *others.windows)).for_recipient(theirs or zone)


@cache
def _dates(code: str) -> "HolidayBase":
    from holidays import country_holidays, list_supported_countries  # 50 ms that most commands need not spend

    match = _CODE.fullmatch(code)
    regions = list_supported_countries().get(match[1]) if match else None
    if match is None or regions is None:
        raise WindowError(f"“{code}” is no country whose holidays are known.", remedy=_FORM)
    try:
        return country_holidays(match[1], subdiv=match[2])
    except NotImplementedError:
        known = f"{match[1]} has the regions {', '.join(regions)}." if regions else f"{match[1]} has no regions."
        raise WindowError(f"“{code}” is no region whose holidays are known.", remedy=known) from None
