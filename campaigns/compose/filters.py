"""The filters and tests that templates may use: an allow-list, so that what is not here does not exist.

Each takes and gives plain texts, numbers, dates and lists. A filter that formats leaves an empty cell as it is.
"""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined, pass_context
from jinja2 import filters as jinja_filters
from jinja2.runtime import Context
from markupsafe import Markup

from campaigns.compose.cells import Cell, Number, RowCells, field_of, value_of
from campaigns.compose.holes import Captured, Encoded, Holes, OwnUrl
from campaigns.compose.mistakes import Mistake
from campaigns.compose.speech import Speech, date_text, decimal_text, money_text, percent_text, plural_place, time_text
from campaigns.model.column import CellKind

LONGEST = 1_000_000  # characters that a filter may make


def filters_for(holes: Holes, speech: Speech, is_text: bool) -> dict[str, Callable[..., Any]]:
    """Every filter of one environment, by name."""

    def date_(value: Any, style: str = "medium") -> Any:
        return value if _is_blank(value) else date_text(_date(value), str(style), speech.name)

    def time_(value: Any, style: str = "short") -> Any:
        return value if _is_blank(value) else time_text(_date(value), str(style), speech.name)

    def money(value: Any, currency: str = "") -> Any:
        return value if _is_blank(value) else money_text(_number(value), str(currency).upper(), speech.name)

    def number(value: Any, decimals: int | None = None) -> Any:
        return value if _is_blank(value) else decimal_text(_number(value), _decimals(decimals), speech.name)

    def percent(value: Any, decimals: int = 0) -> Any:
        return value if _is_blank(value) else percent_text(_number(value), _decimals(decimals) or 0, speech.name)

    def plural(value: Any, *forms: Any) -> str:
        if not forms:
            raise Mistake(
                "|plural needs its words.", "Write {{ n }} {{ n|plural('ticket', 'tickets') }}.", field_of(value)
            )
        number = len(value) if isinstance(value, list | tuple) else _number(value)
        return str(forms[min(plural_place(number, speech.name), len(forms) - 1)])

    def safe(value: Any) -> Any:
        if is_text or isinstance(value, Markup | OwnUrl | Undefined):
            return value
        return holes.safe(_cleaned(_text(value)))

    def nl2br(value: Any) -> Any:
        if is_text:
            return value
        return holes.captured("<br>\n".join(holes.put_computed(line) for line in _text(value).splitlines()))

    def join(items: Iterable[Any], separator: str = "") -> Any:
        parts = [part for item in items for part in (str(separator), item)][1:]
        return (
            holes.captured_join(parts)
            if any(isinstance(part, Markup) for part in parts)
            else "".join(map(_text, parts))
        )

    def map_(context: Context, value: Any, name: str = "", *args: Any, attribute: str = "") -> list[Any]:
        if attribute:
            return _column(value, attribute)
        return [context.environment.call_filter(str(name), item, args, {}, context=context) for item in value]

    def select(context: Context, value: Any, name: str = "", *args: Any) -> list[Any]:
        return [item for item in value if _passes(context, item, name, args)]

    def reject(context: Context, value: Any, name: str = "", *args: Any) -> list[Any]:
        return [item for item in value if not _passes(context, item, name, args)]

    made: dict[str, Callable[..., Any]] = {
        "date": date_,
        "time": time_,
        "money": money,
        "number": number,
        "percent": percent,
        "plural": plural,
        "join": join,
    }
    plain: dict[str, Callable[..., Any]] = {**_TEXT, **_LISTS, **_NUMBERS, **made, "urlencode": urlencode}
    guarded = {name: _on_values(name, function, holes) for name, function in plain.items()}
    own: dict[str, Callable[..., Any]] = {
        "default": default,
        "d": default,
        "safe": safe,
        "nl2br": _on_values("nl2br", nl2br, holes),
    }
    listed = {"map": pass_context(map_), "select": pass_context(select), "reject": pass_context(reject)}
    return {**guarded, **own, **listed, "escape": _itself, "e": _itself}


def default(value: Any, instead: Any = "", _boolean: bool = False) -> Any:
    """`instead` for an empty cell, an empty text and a name that does not exist."""
    return instead if isinstance(value, Undefined) or _is_blank(value) else value


def urlencode(value: Any) -> Encoded:
    return Encoded(quote(_text(value), safe=""))


def split(value: Any, separator: str = ",") -> list[str]:
    """A cell's text as a list, without blanks around the parts and without empty parts."""
    if not str(separator):
        raise Mistake("|split needs a character to split at.", 'Write {{ items|split(",") }}.', field_of(value))
    return [part.strip() for part in _text(value).split(str(separator)) if part.strip()]


def _on_values(name: str, function: Callable[..., Any], holes: Holes) -> Callable[..., Any]:
    """The filter, kept from texts that already hold marks, and with a bound on what it makes."""

    def guarded(value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, Undefined):
            str(value)  # says what is missing
        if any(isinstance(one, Captured) and holes.marks.nonce in str.__str__(one) for one in (value, *args)):
            raise Mistake(
                f"|{name} stands on a text that already holds merge fields.",
                f"Put it on the merge field itself, as in {{{{ first_name|{name} }}}}.",
            )
        try:
            made = function(value, *args, **kwargs)
        except (TypeError, ValueError, OverflowError, AttributeError, LookupError):
            word = field_of(value)
            shown = str(value)[:40] if isinstance(value, str | Cell | int | float) else "this"
            raise Mistake(
                f"|{name} does not work with “{shown}” as it stands here.", "Check what it is given.", word
            ) from None
        if isinstance(made, str):
            if len(made) > LONGEST:
                raise Mistake(f"|{name} makes a text of more than {LONGEST} characters.", "Make it shorter.")
            if isinstance(made, Markup):
                return holes.captured(made)
        return made

    return guarded


def _text(value: Any) -> str:
    """The text of a single value; a list has none."""
    if isinstance(value, Captured):
        return Markup(str.__str__(value))  # noqa: S704 - finished text without a value in it
    if isinstance(value, str | Cell | int | float | date | OwnUrl | Undefined) or value is None:
        return "" if value is None else str(value)
    raise TypeError


def _is_blank(value: Any) -> bool:
    return (isinstance(value, Cell) and not value._shown) or (isinstance(value, str) and not value) or value is None


def _date(value: Any) -> date:
    found = value_of(value)
    if isinstance(found, str):
        with suppress(ValueError):
            found = date.fromisoformat(found) if len(found) == 10 else datetime.fromisoformat(found)
    if isinstance(found, date):
        return found
    name = field_of(value)
    there = f" in {name}" if name else ""
    remedy = f"Correct the cell, or import the list with --type {name}=date." if name else "Give it a column of dates."
    raise Mistake(f"“{value}”{there} is no date.", remedy, name)


def _number(value: Any) -> Number:
    found = value_of(value)
    if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found):
        return found
    name = field_of(value)
    there = f" in {name}" if name else ""
    remedy = f"Correct the cell, or import the list with --type {name}=number." if name else "Give it a number."
    raise Mistake(f"“{value}”{there} is no number.", remedy, name)


def _decimals(wanted: Any) -> int | None:
    if wanted is None or (isinstance(wanted, int) and 0 <= wanted <= 10):
        return wanted
    raise Mistake(f"“{wanted}” is no number of decimals.", "Write a number from 0 to 10.")


def _cleaned(html: str) -> str:
    import nh3

    return nh3.clean(html, link_rel=None, url_schemes={"http", "https", "mailto", "tel"}, attribute_filter=_with_scheme)


def _with_scheme(_tag: str, name: str, value: str) -> str | None:
    """A path in a column's HTML would show a file of the workspace."""
    return value if name not in ("src", "href") or ":" in value.partition("/")[0] else None


def _passes(context: Context, item: Any, name: str, args: tuple[Any, ...]) -> bool:
    return bool(context.environment.call_test(str(name), item, args, {}, context=context) if name else item)


def _itself(value: Any) -> Any:
    """Every value is escaped where it stands, so |escape has nothing left to do."""
    return value


def _replaced(value: Any, old: Any, new: Any, count: int = -1) -> str:
    return replaced(_text(value), str(old), str(new), count)


def replaced(text: str, old: str, new: str, count: int = -1) -> str:
    """`str.replace` that refuses to make much of little."""
    times = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + times * (len(new) - len(old)) > LONGEST:
        raise Mistake(f"|replace makes a text of more than {LONGEST} characters.", "Make it shorter.")
    return text.replace(old, new, count)


def _truncated(value: Any, length: int = 255, killwords: bool = False, end: str = "…") -> str:
    text, end = _text(value), str(end)
    if len(text) <= length:
        return text
    cut = text[: max(int(length) - len(end), 0)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def _first(value: Any) -> Any:
    return next(iter(value), "")


def _last(value: Any) -> Any:
    return next(reversed(list(value)), "")


def _column(rows: Iterable[Any], field: str) -> list[Any]:
    """What each of a person's rows has in a field; the things themselves where no field is named."""
    return [_field(item, field) for item in rows] if field else list(rows)


def _field(row: Any, field: str) -> Any:
    if not isinstance(row, RowCells):
        raise Mistake(
            "attribute= names a merge field of `rows`.", 'Write {{ rows|sum(attribute="amount") }}.', "attribute"
        )
    return row[str(field)]


def _sum(value: Iterable[Any], attribute: str = "") -> Number:
    """Empty cells count nothing, as in a spreadsheet."""
    return sum(_number(item) for item in _column(value, attribute) if not _is_blank(item))


def _ordered(value: Iterable[Any], reverse: bool = False, attribute: str = "") -> list[Any]:
    def key(item: Any) -> Any:
        item = _field(item, attribute) if attribute else item
        return item.casefold() if isinstance(item, str) else item

    return sorted(value, key=key, reverse=reverse)


def _once(value: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(value))


def _rounded(value: Any, digits: int = 0, method: str = "common") -> Number:
    number, digits = _number(value), _decimals(digits) or 0
    if method == "common":
        return round(number, digits) if digits else round(number)
    scale = float(10**digits)
    cut = math.ceil if method == "ceil" else math.floor
    return cut(number * scale) / scale


def _whole(value: Any, instead: int = 0) -> int:
    try:
        return int(value_of(value))
    except (TypeError, ValueError):
        return instead


def _fraction(value: Any, instead: float = 0.0) -> float:
    try:
        return float(value_of(value))
    except (TypeError, ValueError):
        return instead


_TEXT: dict[str, Callable[..., Any]] = {
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "title": lambda value: jinja_filters.do_title(_text(value)),
    "capitalize": lambda value: _text(value).capitalize(),
    "trim": lambda value, chars=None: _text(value).strip(chars),
    "replace": _replaced,
    "truncate": _truncated,
    "striptags": lambda value: Markup(_text(value)).striptags(),  # noqa: S704 - its text only
    "wordcount": lambda value: len(_text(value).split()),
    "string": _text,
    "split": split,
}
_LISTS: dict[str, Callable[..., Any]] = {
    "length": len,
    "count": len,
    "first": _first,
    "last": _last,
    "sort": _ordered,
    "unique": _once,
    "reverse": lambda value: _text(value)[::-1] if isinstance(value, str | Cell) else list(value)[::-1],
    "list": list,
}
_NUMBERS: dict[str, Callable[..., Any]] = {
    "round": _rounded,
    "int": _whole,
    "float": _fraction,
    "abs": lambda value: abs(_number(value)),
    "sum": _sum,
    "min": lambda value, attribute="": min(_column(value, attribute), key=value_of),
    "max": lambda value, attribute="": max(_column(value, attribute), key=value_of),
}


def _is_number(value: Any) -> bool:
    found = value_of(value)
    return isinstance(found, int | float) and not isinstance(found, bool)


TESTS: dict[str, Callable[..., Any]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "empty": lambda value: isinstance(value, Undefined) or _is_blank(value) or value == [],
    "number": _is_number,
    "string": lambda value: isinstance(value, str) or (isinstance(value, Cell) and isinstance(value_of(value), str)),
    "date": lambda value: (
        isinstance(value_of(value), date) or (isinstance(value, Cell) and value._kind is CellKind.DATE)
    ),
    "odd": lambda value: _number(value) % 2 == 1,
    "even": lambda value: _number(value) % 2 == 0,
    "divisibleby": lambda value, by: _number(value) % _number(by) == 0,
    "in": lambda value, group: value in group,
    "eq": lambda value, other: value == other,
    "equalto": lambda value, other: value == other,
    "ne": lambda value, other: value != other,
    "gt": lambda value, other: value > other,
    "ge": lambda value, other: value >= other,
    "lt": lambda value, other: value < other,
    "le": lambda value, other: value <= other,
    "==": lambda value, other: value == other,
    "!=": lambda value, other: value != other,
    ">": lambda value, other: value > other,
    ">=": lambda value, other: value >= other,
    "<": lambda value, other: value < other,
    "<=": lambda value, other: value <= other,
    "startingwith": lambda value, start: str(value).startswith(str(start)),
    "endingwith": lambda value, end: str(value).endswith(str(end)),
}
