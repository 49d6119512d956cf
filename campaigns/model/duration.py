"""Lengths of time as people write them: `60min`, `24h`, `1h 30min`, and as they are told."""

import re
from datetime import timedelta

_UNITS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "min": 60, "m": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400, "days": 86_400,
}  # fmt: skip
_PIECE = re.compile(r"(\d{1,9})\s*([a-z]+)", re.IGNORECASE)
_WORDS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_LONGEST = timedelta(days=3_650)


def parse_duration(text: str) -> timedelta:
    """`90s`, `60min`, `24h`, `3d`, `1h 30min`; ValueError with a sentence for anything else."""
    pieces = _PIECE.findall(text)
    if not pieces or _PIECE.sub("", text).strip():
        msg = f"{text!r} is no length of time: write it like 90s, 60min, 24h or 3d."
        raise ValueError(msg)
    if unknown := [unit for _, unit in pieces if unit.lower() not in _UNITS]:
        msg = f"{unknown[0]!r} is no unit of time: use s, min, h or d."
        raise ValueError(msg)
    length = timedelta(seconds=sum(int(number) * _UNITS[unit.lower()] for number, unit in pieces))
    if length > _LONGEST:
        msg = f"{text!r} is longer than ten years."
        raise ValueError(msg)
    return length


def text_of(length: timedelta) -> str:
    """The shortest form that `parse_duration` reads back: `60min` stays `1h`."""
    seconds = int(length.total_seconds())
    for unit in ("d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def in_words(length: timedelta) -> str:
    """The two largest units, rounded down: `7 days 12 hours`, `1 minute`; `0 seconds` below a second."""
    left = int(abs(length).total_seconds())
    said: list[str] = []
    for size, word in _WORDS:
        count, left = divmod(left, size)
        if count:
            said.append(f"{count} {word}{'' if count == 1 else 's'}")
        elif said:
            break  # "7 days 5 minutes" would promise a precision that the missing hours do not
        if len(said) == 2:
            break
    return " ".join(said) or "0 seconds"
