"""Dates, money, numbers and plurals as a locale writes them: Babel's words, remembered where asking costs much."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from campaigns.compose.mistakes import Mistake

if TYPE_CHECKING:
    from babel import Locale

Number = int | float
_STYLES = ("short", "medium", "long", "full")
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")


# How a column that says each person's language is called; `locale:` in the first lines may name another.
LOCALE_COLUMNS = (
    "locale", "language", "lang", "language_code", "sprache", "sprachcode", "langue", "langage", "idioma", "lingua", "taal"
)  # fmt: skip
# The filters whose words depend on it.
SPOKEN = frozenset(("date", "time", "money", "number", "percent", "plural"))
_OWN_NAMES = {
    "polski": "pl", "čeština": "cs", "slovenčina": "sk", "slovenščina": "sl", "hrvatski": "hr", "magyar": "hu",
    "română": "ro", "български": "bg", "русский": "ru", "українська": "uk", "ελληνικά": "el", "türkçe": "tr",
    "dansk": "da", "svenska": "sv", "norsk": "nb", "suomi": "fi", "português": "pt", "العربية": "ar", "עברית": "he",
    "日本語": "ja", "中文": "zh", "한국어": "ko",
}  # fmt: skip
_NAMED_IN = ("en", "de", "fr", "es", "it", "nl")  # languages in which people write the names of languages


class Speech:
    """The locale that values are written in: the recipient's if the sheet names one, else the mail's own."""

    def __init__(self, locale: str) -> None:
        self._usual = self.name = known_locale(locale) or "en"

    def use(self, locale: str) -> bool:
        """Write in this locale unless a recipient has another; False if there is no such locale."""
        found = known_locale(locale)
        self._usual = self.name = found or self._usual
        return found is not None

    def ask(self, wanted: str) -> bool:
        """Speak as a recipient's cell says; False, and as usual, if that is no language."""
        found = known_locale(wanted) if wanted else None
        self.name = found or self._usual
        return found is not None or not wanted


@lru_cache(1024)
def known_locale(name: str) -> str | None:
    """Babel's name of a locale as people write it (de, pt-BR, en_us, German, Deutsch); None if there is none."""
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(name.strip().replace("-", "_"), sep="_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return _languages().get(name.strip().casefold())


@cache
def _languages() -> dict[str, str]:
    """Locales by the names of their languages, in some languages and in their own."""
    from babel import Locale, localedata

    named = dict(_OWN_NAMES)
    for speaker in _NAMED_IN:  # each costs a megabyte, all of Babel's would cost a gigabyte
        for code, word in Locale(speaker).languages.items():
            if code.isalpha() and localedata.exists(code):
                named.setdefault(word.casefold(), code)
    return named


@lru_cache(4096)
def date_text(value: date, style: str, locale: str) -> str:
    from babel.dates import format_date, format_datetime

    try:
        if isinstance(value, datetime) and style not in _STYLES:
            return format_datetime(value, style, locale=locale)
        return format_date(value, style, locale=locale)
    except (KeyError, ValueError, AttributeError, TypeError):
        remedy = "There is short, medium, long, full, or a pattern such as d. MMMM yyyy."
        raise Mistake(f"“{style}” is no way to write a date.", remedy) from None


@lru_cache(4096)
def time_text(value: date, style: str, locale: str) -> str:
    from babel.dates import format_time

    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    try:
        return format_time(moment, style, locale=locale)
    except (KeyError, ValueError, AttributeError, TypeError):
        remedy = "There is short, medium, or a pattern such as HH:mm."
        raise Mistake(f"“{style}” is no way to write a time.", remedy) from None


def money_text(value: Number, currency: str, locale: str) -> str:
    return _money(currency, locale)(value)


def decimal_text(value: Number, decimals: int | None, locale: str) -> str:
    return _decimal(decimals, locale)(value)


def percent_text(value: Number, decimals: int, locale: str) -> str:
    return _percent(decimals, locale)(value)


def plural_place(number: Number, locale: str) -> int:
    """Which of the plural's forms a number takes; their order is CLDR's: zero, one, two, few, many, other."""
    rule = parsed(locale).plural_form
    tags = [tag for tag in _CATEGORIES if tag in rule.tags or tag == "other"]
    return tags.index(rule(abs(number)))


@lru_cache(64)
def parsed(locale: str) -> "Locale":
    from babel import Locale

    return Locale.parse(locale)


@lru_cache(256)
def _money(currency: str, locale: str) -> Callable[[Number], str]:
    from babel.numbers import format_currency, is_currency

    if not currency:
        raise Mistake("|money needs a currency.", "Write {{ amount|money('EUR') }}.")
    if not is_currency(currency):
        raise Mistake(f"“{currency}” is no currency.", "Write its three letters, such as EUR, USD or CHF.")
    return _quick(lambda value: format_currency(value, currency, locale=locale))


@lru_cache(256)
def _decimal(decimals: int | None, locale: str) -> Callable[[Number], str]:
    from babel.numbers import format_decimal

    if decimals is None:
        return lru_cache(4096)(lambda value: format_decimal(value, locale=locale))
    pattern = _with_decimals(parsed(locale).decimal_formats[None].pattern, decimals)
    return _quick(lambda value: format_decimal(value, pattern, locale=locale))


@lru_cache(256)
def _percent(decimals: int, locale: str) -> Callable[[Number], str]:
    from babel.numbers import format_percent

    pattern = _with_decimals(parsed(locale).percent_formats[None].pattern, decimals)
    return lru_cache(4096)(lambda value: format_percent(value, pattern, locale=locale))


def _with_decimals(pattern: str, decimals: int) -> str:
    """A locale's own pattern (its grouping, its percent sign) with so many decimals."""
    whole = pattern.partition(";")[0]
    digits = "".join(c for c in whole if c in "#,0.")
    kept = digits.partition(".")[0]
    return whole.replace(digits, f"{kept}.{'0' * decimals}" if decimals else kept)


_LEARNT = re.compile(r"([^0-9]*)1([^0-9]*)234([^0-9]*)567(?:([^0-9])(0+))?([^0-9]*)")
_PROBES = (0, 1, 0.5, 2.675, 12.345, 999.995, 1000, 1234.5, 12345.678, 1234567.891, 98765432109.87, -1, -1234567.5)


def _quick(ask: Callable[[Number], str]) -> Callable[[Number], str]:
    """`ask` (Babel, 26 us) by what a few of its answers teach (2 us); `ask` itself where they do not tell all."""
    slow = lru_cache(4096)(ask)
    learnt = _LEARNT.fullmatch(ask(1234567))
    if learnt is None or learnt.group(2) != learnt.group(3):
        return slow
    before, group, _, point, zeros, after = learnt.groups()
    form = f",.{len(zeros or '')}f"
    marks = str.maketrans({",": group, ".": point or "."})

    def quick(value: Number) -> str:
        value = value or 0  # there is no minus before zero
        if value < 0:
            return slow(value)
        return before + format(Decimal(repr(value)), form).translate(marks) + after

    return quick if all(quick(probe) == ask(probe) for probe in _PROBES) else slow
