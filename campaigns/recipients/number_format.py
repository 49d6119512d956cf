"""A number as Excel in en-US shows it, by the cell's number format."""

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from campaigns.recipients.format_code import Is, Section, Token, sections_of
from campaigns.recipients.serial_date import show_date

_ROUND = Context(prec=400, rounding=ROUND_HALF_UP)  # Excel rounds halves away from zero
_CLOCK = frozenset({Is.DATE, Is.TIME, Is.ELAPSED, Is.HALF})


class FormatKind(Enum):
    NUMBER = "number"
    DATE = "date"
    TIME = "time"  # a time of day or a span: no date in it
    CODE = "code"  # 00000, 000-00-0000: digits that name something
    TEXT = "text"


@lru_cache(maxsize=1_000)
def kind_of_format(code: str) -> FormatKind:
    """What numbers with this format mean."""
    section = sections_of(code)[0]
    if section.kinds & _CLOCK:
        return FormatKind.DATE if Is.DATE in section.kinds else FormatKind.TIME
    if Is.TEXT in section.kinds:
        return FormatKind.TEXT
    return FormatKind.CODE if _is_code(section) else FormatKind.NUMBER


def show_number(value: float, code: str, *, epoch_1904: bool = False) -> str | None:
    """What Excel shows for a number; None where it shows only #####, as for a date before 1900."""
    if (same_for_all := _same_for_all(code)) is not None:
        return same_for_all(value).strip()
    section, value = _choose(sections_of(code), value)
    if section.kinds & _CLOCK:
        return show_date(value + 1462 if epoch_1904 else value, section)
    return _renderer(section)(value).strip()


@lru_cache(maxsize=1_000)
def _same_for_all(code: str) -> Callable[[float], str] | None:
    """What shows any number, where the format has one section and no date in it."""
    first, *others = sections_of(code)
    return None if others or first.condition or first.kinds & _CLOCK else _renderer(first)


def show_text(text: str, code: str) -> str:
    """What Excel shows for a text in a cell with this format: the fourth section, or one with an @, says."""
    sections = sections_of(code)
    section = sections[3] if len(sections) == 4 else sections[-1]
    if len(sections) < 4 and Is.TEXT not in section.kinds:
        return text
    return "".join(text if token.kind is Is.TEXT else token.text for token in section.tokens)


def show_general(value: float) -> str:
    """The General format: at most eleven characters, or an exponent."""
    size = abs(value)
    if size == int(size) and size < 1e11:
        return str(int(value))
    if 1e-10 < size < 1e11:
        fixed = _trimmed(f"{size:.12f}")
        if len(fixed) > 11:
            whole = len(str(int(size)))
            fixed = _trimmed(f"{_rounded(size, max(0, 10 - whole)):f}")
        if len(fixed) <= 11 and (size >= 1e-4 or len(_trimmed(f"{size:.15f}")) <= 11):
            return f"-{fixed}" if value < 0 else fixed
    mantissa, exponent = f"{size:.5E}".split("E")
    sign = "-" if value < 0 else ""
    return f"{sign}{_trimmed(mantissa)}E{exponent[0]}{exponent[1:].zfill(2)}"


_TRUE_OF: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<>": lambda a, b: a != b,
}


def _choose(sections: Sequence[Section], value: float) -> tuple[Section, float]:
    """The section for a number, and the number without its sign where the section shows that itself."""
    if len(sections) == 4 or (len(sections) > 1 and Is.TEXT in sections[-1].kinds):
        sections = sections[:-1]
    if any(section.condition for section in sections):
        return _choose_by_condition(sections, value)
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    return sections[2 if value == 0 and len(sections) > 2 else 0], value


def _choose_by_condition(sections: Sequence[Section], value: float) -> tuple[Section, float]:
    for section in sections:
        if section.condition is not None:
            operator, bound = section.condition
            if _TRUE_OF[operator](value, bound):
                only_negative = operator in ("<", "<=") and bound <= 0
                return section, abs(value) if only_negative else value
    free = [section for section in sections if section.condition is None]
    if len(free) > 1 and value < 0:
        return free[0], -value
    return (free or sections)[-1], value


@lru_cache(maxsize=1_000)
def _renderer(section: Section) -> Callable[[float], str]:
    tokens = section.tokens
    if Is.DIGIT not in section.kinds:
        return lambda value: _show_words(value, tokens)
    if Is.SLASH in section.kinds:
        return lambda value: _show_fraction(value, tokens)
    if Is.EXPONENT in section.kinds:
        return lambda value: _show_exponent(value, tokens)
    return _number_renderer(tokens)


def _show_words(value: float, tokens: Sequence[Token]) -> str:
    """A section without digits: only words, General or @."""
    shows = any(token.kind in (Is.GENERAL, Is.TEXT) for token in tokens)
    text = "".join(show_general(abs(value)) if token.kind in (Is.GENERAL, Is.TEXT) else token.text for token in tokens)
    return f"-{text}" if value < 0 and (shows or text) else text


def _number_renderer(tokens: Sequence[Token]) -> Callable[[float], str]:
    """A section of digits; what does not depend on the number is worked out once."""
    digits = [i for i, token in enumerate(tokens) if token.kind is Is.DIGIT]
    points = [i for i, token in enumerate(tokens) if token.kind is Is.POINT]
    point = points[0] if points else len(tokens)
    whole = [i for i in digits if i < point]
    decimals = [i for i in digits if i > point]
    last = whole[-1] if whole else -1
    commas = [i for i, token in enumerate(tokens) if token.kind is Is.COMMA]
    grouped = any(whole and whole[0] < i < last for i in commas)
    shift = 2 * sum(token.kind is Is.PERCENT for token in tokens)
    shift -= 3 * sum(i > last for i in commas if not any(i < d for d in whole))
    kept = [token for i, token in enumerate(tokens) if token.kind is not Is.COMMA]
    places = len(decimals)
    plain = _plain_renderer(kept, places, shift, grouped=grouped)
    if plain is not None:
        return plain

    def render(value: float) -> str:
        number = _rounded(value, places, shift)
        left, _, right = f"{abs(number):f}".partition(".")
        text = _fill(kept, left.lstrip("0"), right, grouped=grouped)
        return f"-{text}" if value < 0 else text

    return render


def _plain_renderer(
    tokens: Sequence[Token], places: int, shift: int, *, grouped: bool
) -> Callable[[float], str] | None:
    """The quick way for what nearly all formats are, such as `#,##0.00 "EUR"`; None for the others."""
    digits = [i for i, token in enumerate(tokens) if token.kind in (Is.DIGIT, Is.POINT)]
    between = tokens[digits[0] : digits[-1] + 1]
    number = "".join(token.text for token in between)
    zeros = number.split(".")[0].lstrip("#")
    shape = zeros + ("." + "0" * places if places else "")
    if (
        len(between) != len(digits)
        or number.lstrip("#") != shape
        or zeros.strip("0")
        or not zeros
        or (grouped and len(zeros) > 1)
    ):
        return None
    before = "".join(token.text for token in tokens[: digits[0]])
    after = "".join(token.text for token in tokens[digits[-1] + 1 :])
    form, width = (",f" if grouped else "f"), len(shape)

    def render(value: float) -> str:
        left, _, right = f"{abs(value):.15g}".partition(".")
        if shift or len(right) > places or not left.isdecimal():  # to be rounded, or with an exponent
            number = format(abs(_rounded(value, places, shift)), form)
        else:
            number = f"{int(left):,}" if grouped else left
            number = f"{number}.{right:0<{places}}" if places else number
        text = f"{before}{number.zfill(width)}{after}"
        return f"-{text}" if value < 0 else text

    return render


def _fill(tokens: Sequence[Token], left: str, right: str, *, grouped: bool) -> str:
    """Put the digits into their places: before the point from the right, after it from the left."""
    point = next((i for i, token in enumerate(tokens) if token.kind is Is.POINT), len(tokens))
    first = next((i for i, token in enumerate(tokens) if token.kind is Is.DIGIT), len(tokens))
    parts: list[str] = []
    taken = 0  # digits before the point that stand already
    for i in range(point - 1, -1, -1):
        token = tokens[i]
        if token.kind is not Is.DIGIT:
            parts.append(token.text)
            continue
        here = [left[len(left) - 1 - taken]] if taken < len(left) else [_absent(token.text)]
        if i == first and taken + 1 < len(left):
            here = list(reversed(left[: len(left) - taken]))
        for digit in here:
            if grouped and digit and taken and taken % 3 == 0:
                parts.append("," if digit != " " else " ")
            parts.append(digit)
            taken += 1
    if first > point:  # `.00` has no place for them, and shows them all the same
        parts.insert(0, left)
    parts.reverse()
    significant = len(right.rstrip("0"))
    at = 0
    for token in tokens[point:]:
        if token.kind is Is.DIGIT:
            parts.append(right[at] if at < significant else _absent(token.text))
            at += 1
        else:
            parts.append(token.text)
    return "".join(parts)


def _absent(placeholder: str) -> str:
    return {"0": "0", "?": " "}.get(placeholder, "")


def _show_exponent(value: float, tokens: Sequence[Token]) -> str:
    at = next(i for i, token in enumerate(tokens) if token.kind is Is.EXPONENT)
    mantissa = tokens[:at]
    point = next((i for i, token in enumerate(mantissa) if token.kind is Is.POINT), len(mantissa))
    step = max(1, sum(token.kind is Is.DIGIT for token in mantissa[:point]))
    places = sum(token.kind is Is.DIGIT for token in mantissa[point:])
    exponent = 0
    if value:
        exponent = math.floor(_decimal(value).adjusted() / step) * step
        if len(f"{abs(_rounded(value, places, -exponent)):.0f}") > step:  # 9.996 became 10.00
            exponent += step
    number = abs(_rounded(value, places, -exponent))
    left, _, right = f"{number:f}".partition(".")
    sign = "-" if exponent < 0 else "+" if tokens[at].text[1] == "+" else ""
    power = _fill(tokens[at + 1 :], str(abs(exponent)).lstrip("0"), "", grouped=False)
    text = f"{_fill(mantissa, left.lstrip('0'), right, grouped=False)}E{sign}{power}"
    return f"-{text}" if value < 0 else text


def _show_fraction(value: float, tokens: Sequence[Token]) -> str:
    """`# ?/?`, `# ??/??`, `# ?/8`: the nearest fraction, without the blanks that align it in a column."""
    slash = next(i for i, token in enumerate(tokens) if token.kind is Is.SLASH)
    above = slash
    while above and tokens[above - 1].kind is Is.DIGIT:
        above -= 1
    below = "".join(token.text for token in tokens[slash + 1 :]).strip()
    mixed = any(token.kind is Is.DIGIT for token in tokens[:above])
    size = Fraction(_decimal(abs(value)))
    whole = int(size) if mixed else 0
    if below.isdigit() and below.strip("0"):
        bottom = int(below)
        top = int((size - whole) * bottom + Fraction(1, 2))
    else:
        width = sum(below.count(c) for c in "?#0")
        part = (size - whole).limit_denominator(10 ** min(max(width, 1), 9) - 1)
        top, bottom = part.numerator, part.denominator
    if mixed and top == bottom:
        whole, top = whole + 1, 0
    shown = [str(whole)] if whole or (mixed and not top) else []
    if top or not mixed:
        shown.append(f"{top}/{bottom}")
    return ("-" if value < 0 else "") + " ".join(shown)


def _decimal(value: float) -> Decimal:
    # Excel shows at most the fifteen digits that a double holds for sure.
    return Decimal(f"{value:.15g}")


def _rounded(value: float, places: int, shift: int = 0) -> Decimal:
    number = _decimal(value)
    if shift:
        number = number.scaleb(shift, _ROUND)
    return number.quantize(_unit(places), context=_ROUND)


@lru_cache(maxsize=512)
def _unit(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def _trimmed(fixed: str) -> str:
    return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed


def _is_code(section: Section) -> bool:
    """Whether the digits name something: leading zeros, or blanks and hyphens among the digits."""
    if section.kinds & {Is.POINT, Is.COMMA, Is.PERCENT, Is.EXPONENT, Is.SLASH}:
        return False
    digits = [i for i, token in enumerate(section.tokens) if token.kind is Is.DIGIT]
    if not digits:
        return False
    broken = any(token.kind is Is.LITERAL for token in section.tokens[digits[0] : digits[-1]])
    return broken or sum(section.tokens[i].text == "0" for i in digits) > 1
