"""Numbers, dates and yes/no as people write them, and the conventions that a column follows."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import get_date_format
from babel.numbers import get_decimal_symbol

from campaigns.errors import UsageError

YES = frozenset({"yes", "true", "ja", "wahr", "oui", "vrai", "si", "sí", "sì", "y", "j"})
NO = frozenset({"no", "false", "nein", "falsch", "non", "faux", "n"})


class Order(Enum):
    """Which of day and month comes first where both are numbers; the year's place shows by itself."""

    DAY_FIRST = "day"
    MONTH_FIRST = "month"


@dataclass(frozen=True, slots=True)
class Habits:
    """How a locale writes; decides what the data leave open."""

    locale: str
    decimal: str  # "." or ","
    order: Order


@lru_cache(maxsize=16)
def habits_of(locale: str) -> Habits:
    try:
        known = Locale.parse(locale.replace("-", "_"))
    except (ValueError, UnknownLocaleError) as error:
        raise UsageError(f"“{locale}” is no locale.", remedy="Write one like en_US or de_DE.") from error
    pattern = str(get_date_format("short", known).pattern)
    order = Order.MONTH_FIRST if pattern.lstrip("'").startswith("M") else Order.DAY_FIRST
    decimal = "," if get_decimal_symbol(known) == "," else "."
    return Habits(str(known), decimal, order)


# --- numbers

_CURRENCY = (
    r"(?:[$€£¥₹₽₩₺₪฿₫₴₱]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|Fr\.|kr\.?|zł|Kč|Ft|R\$)"
)
_NUMBER = re.compile(
    rf"(?P<open>\()?\s?(?P<minus>[-\u2212])?\s?(?:{_CURRENCY})?\s?(?P<minus2>[-\u2212])?"
    r"(?P<digits>\d[\d.,'\u2019 \u00a0\u202f]*|[.,]\d+)"
    rf"(?P<minus3>-)?\s?(?P<percent>%)?(?:{_CURRENCY})?(?P<close>\))?\Z"
)
_SPACE = "'\u2019 \u00a0\u202f"
_BY_DECIMAL = {
    ".": re.compile(
        rf"(?P<whole>\d{{1,3}}(?:(?P<group>[,{_SPACE}])\d{{3}}(?:(?P=group)\d{{3}})*)|\d*)(?:\.(?P<part>\d+))?\Z"
    ),
    ",": re.compile(
        rf"(?P<whole>\d{{1,3}}(?:(?P<group>[.{_SPACE}])\d{{3}}(?:(?P=group)\d{{3}})*)|\d*)(?:,(?P<part>\d+))?\Z"
    ),
}
_MOST_DIGITS = 15  # a spreadsheet keeps no more: longer ones are names of things
_OPEN = re.compile(r"[1-9]\d{0,2}[.,]\d{3}\Z")  # 1.234: a thousand, or one and a bit?


def is_code(text: str) -> bool:
    """Digits that name something, and must stay as they are: leading zeros, a plus, more digits than numbers have."""
    digits = text.strip()
    if not digits:
        return False
    if digits[0] == "+":
        return True
    if not digits[0].isdigit():
        return False
    return (digits[0] == "0" and digits[1:2].isdigit()) or sum(c.isdigit() for c in digits) > _MOST_DIGITS


def read_number(text: str, decimal: str) -> float | None:
    """The number that a text means with `decimal` as its decimal sign; None if none."""
    found = _NUMBER.match(text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    parts = _BY_DECIMAL[decimal].match(found["digits"].strip(_SPACE))
    if parts is None:
        return None
    whole = parts["whole"]
    if not whole.isdigit():
        whole = "".join(c for c in whole if c.isdigit())
    part = parts["part"] or ""
    if len(whole) + len(part) > _MOST_DIGITS or not (whole or part):
        return None
    negative = bool(found["minus"] or found["minus2"] or found["minus3"] or found["open"])
    if not part and not found["percent"]:
        return -int(whole) if negative else int(whole)
    digits = f"{whole or 0}.{part or 0}"
    number = float(Decimal(digits).scaleb(-2)) if found["percent"] else float(digits)
    return 0.0 - number if negative else number  # -0.00 is 0.0


def decimal_votes(texts: Iterable[str]) -> Counter[str]:
    """Which decimal sign the texts prove, and under "open" how many could be read both ways."""
    votes: Counter[str] = Counter()
    for text in texts:
        found = _NUMBER.match(text.strip())
        digits = found["digits"].strip(_SPACE) if found else ""
        points, commas = digits.count("."), digits.count(",")
        if points and commas:
            votes["." if digits.rindex(".") > digits.rindex(",") else ","] += 1
        elif points + commas > 1:
            votes["," if points else "."] += 1  # what stands twice groups
        elif points + commas == 1:
            if _OPEN.match(digits):
                votes["open"] += 1
            else:
                votes["." if points else ","] += 1
    return votes


# --- dates

_NUMERIC = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[./-])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{1,2})"
    r"(?:(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?)?\Z"
)
_DAY_MONTH = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?[\s-]*(?P<name>[^\W\d_]{3,})\.?,?[\s-]*(?P<year>\d{4}|\d{2})\Z"
)
_MONTH_DAY = re.compile(r"(?P<name>[^\W\d_]{3,})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})\Z")


def read_date(text: str, order: Order) -> str | None:
    """The ISO date, or date and time, that a text means; `order` decides 01/02/2026, and dots mean day first."""
    text = text.strip()
    found = _NUMERIC.match(text)
    if found is None:
        return _read_named_date(text)
    a, b, c = found["a"], found["b"], found["c"]
    if len(a) == 4:
        year, month, day = int(a), int(b), int(c)
    elif len(a) > 2 or len(c) == 1:
        return None
    elif found["sep"] == "." or order is Order.DAY_FIRST:
        year, month, day = _year(c), int(b), int(a)
    else:
        year, month, day = _year(c), int(a), int(b)
    try:
        if found["hour"] is None:
            return date(year, month, day).isoformat()
        hour = int(found["hour"])
        if found["half"]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if found["half"][0] in "Pp" else 0)
        second = int(found["second"] or 0)
        return f"{date(year, month, day).isoformat()}T{time(hour, int(found['minute']), second).isoformat()}"
    except ValueError:
        return None


def order_votes(texts: Iterable[str]) -> Counter[str]:
    """Which order the texts prove ("day", "month"), and under "open" how many could be read both ways."""
    votes: Counter[str] = Counter()
    for text in texts:
        found = _NUMERIC.match(text.strip())
        if found is None or len(found["a"]) > 2 or found["sep"] == ".":
            continue
        a, b = int(found["a"]), int(found["b"])
        if a > 12 >= b:
            votes[Order.DAY_FIRST.value] += 1
        elif b > 12 >= a:
            votes[Order.MONTH_FIRST.value] += 1
        elif a != b:
            votes["open"] += 1
    return votes


def date_pattern(texts: Iterable[str], order: Order) -> str:
    """How most of the texts write a date, for a person to see: dd.mm.yyyy."""
    patterns = Counter(_pattern(text.strip(), order) for text in texts)
    patterns.pop("", None)
    return patterns.most_common(1)[0][0] if patterns else ""


def _pattern(text: str, order: Order) -> str:
    found = _NUMERIC.match(text)
    if found is None:
        return "d mmmm yyyy" if _DAY_MONTH.match(text) else "mmmm d, yyyy" if _MONTH_DAY.match(text) else ""
    sep = found["sep"]
    if len(found["a"]) == 4:
        day = f"yyyy{sep}mm{sep}dd"
    else:
        first, second = ("dd", "mm") if sep == "." or order is Order.DAY_FIRST else ("mm", "dd")
        day = f"{first}{sep}{second}{sep}{'y' * max(2, len(found['c']))}"
    if found["hour"] is None:
        return day
    return f"{day} hh:mm{':ss' if found['second'] else ''}{' AM/PM' if found['half'] else ''}"


def _read_named_date(text: str) -> str | None:
    found = _DAY_MONTH.match(text) or _MONTH_DAY.match(text)
    month = _month_names().get(found["name"].lower()) if found else None
    if found is None or month is None:
        return None
    try:
        return date(_year(found["year"]), month, int(found["day"])).isoformat()
    except ValueError:
        return None


@lru_cache(maxsize=1)
def _month_names() -> dict[str, int]:
    names = {}
    for language in ("fr", "de", "en"):
        for width in ("wide", "abbreviated"):
            for month, name in Locale(language).months["format"][width].items():
                names[name.lower().rstrip(".")] = month
    return names | {"sept": 9}


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 30 else 1900)  # as Excel reads two digits


# --- yes and no


def read_yes_no(text: str) -> bool | None:
    word = text.strip().lower()
    return True if word in YES else False if word in NO else None
