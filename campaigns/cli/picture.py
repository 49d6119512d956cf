"""A plan as a picture: the only importer of Pillow, which is an extra: `pip install 'mergecast[picture]'`."""

import importlib.util
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from campaigns.cli.plan import limit_said, stretch
from campaigns.errors import UsageError
from campaigns.model.duration import in_words
from campaigns.model.when import DAYS, say_wall

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_SIZE = 960, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 76, 96, 936, 356  # where the bars stand
_INK, _FAINT, _LINE, _COLOUR = "#1f2933", "#66727f", "#dde3e9", "#2f6fab"
_LABELS = 8  # instants that are written below, at most
_LINES = 4  # of the scale
_LEADS = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)  # tenths that its numbers begin with
_DAY = 86_400  # seconds


def refuse_without_library() -> None:
    """UsageError where Pillow is missing."""
    if importlib.util.find_spec("PIL") is None:
        raise UsageError(
            "A picture needs the library Pillow, which is not installed.",
            remedy="Install it: `pip install 'mergecast[picture]'`. The curve in the terminal, and `--json`, need nothing.",
        )


def draw(told: dict[str, Any], out: Path) -> None:
    """A PNG of a plan's document: a bar for each stretch of time."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(image)
    _write(pen, (_LEFT, 18), f"{told['campaign']}: {told['mails']:,} mails", 22, _INK)
    _write(pen, (_LEFT, 50), _ends(told), 14, _INK)
    _write(pen, (_LEFT, 70), _limits(told), 14, _FAINT)
    _bars(pen, told)
    with out.open("wb") as file:
        image.quantize(32).save(file, "PNG", optimize=True)


def _ends(told: dict[str, Any]) -> str:
    ends = [(word, told[word]) for word in ("first", "last") if told[word]]
    said = [f"the {word} {say_wall(datetime.fromisoformat(at).replace(second=0), told['zone'])}" for word, at in ends]
    return f"{', '.join(said)}; {told['zone']}" if said else ""


def _limits(told: dict[str, Any]) -> str:
    said = [f"{limit_said(one)} ({in_words(timedelta(seconds=one['gain']))} sooner without)" for one in told["limits"]]
    return f"limited by {', '.join(said)}" if said else ""


def _bars(pen: "ImageDraw", told: dict[str, Any]) -> None:
    curve = told["curve"]
    most = max((bar["mails"] for bar in curve), default=0)
    if not most:
        return
    top = _round_up(most / _LINES) * _LINES
    for line in range(_LINES + 1):
        y = _BOTTOM - (_BOTTOM - _TOP) * line / _LINES
        pen.line((_LEFT, y, _RIGHT, y), fill=_LINE)
        _write(pen, (_LEFT - 8, y), f"{top * line // _LINES:,}", 12, _FAINT, anchor="rm")
    wide = (_RIGHT - _LEFT) / max(len(curve), 12)
    labelled = max(1, -(-len(curve) // _LABELS))
    for place, bar in enumerate(curve):
        x, high = _LEFT + place * wide, (_BOTTOM - _TOP) * bar["mails"] / top
        if bar["mails"]:
            pen.rectangle((x + wide * 0.1, min(_BOTTOM - high, _BOTTOM - 1), x + wide * 0.9, _BOTTOM), fill=_COLOUR)
        if place % labelled == 0:
            at = datetime.fromisoformat(bar["at"]).astimezone(ZoneInfo(told["zone"]))
            pen.line((x, _BOTTOM, x, _BOTTOM + 5), fill=_FAINT)
            day = f"{DAYS[at.weekday()][:3]} {at.day}"
            lines = [f"{at:%H:%M}", day] if told["step"] < _DAY else [day]
            for below, words in enumerate(lines):
                _write(pen, (x, _BOTTOM + 8 + 15 * below), words, 12, _FAINT if below else _INK)
    _write(pen, (_RIGHT, _BOTTOM + 40), f"mails in each {stretch(told['step'])}", 12, _FAINT, anchor="ra")


def _round_up(number: float) -> int:
    """To a number that reads easily on a scale."""
    size = 1
    while number > 10 * size:
        size *= 10
    return next(lead * size // 10 for lead in _LEADS if lead * size >= 10 * number and lead * size % 10 == 0)


def _write(
    pen: "ImageDraw", place: tuple[float, float], text: str, size: int, colour: str, *, anchor: str = "la"
) -> None:
    from PIL import ImageFont

    pen.text(place, text, font=ImageFont.load_default(size), fill=colour, anchor=anchor)
