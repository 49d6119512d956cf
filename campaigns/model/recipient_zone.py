"""Whose clock: the time zone that a cell tells of a person, be it a zone, a country or a phone number.

    zone_of("Europe/Berlin")  zone_of("UTC+2")  zone_of("Deutschland")  zone_of("DE")  zone_of("+49 30 1234567")

A country tells a zone only if most of its people live in one: Spain does, Australia does not. What countries are called,
their calling codes and their main zones stand in `countries.tsv`.
"""

import re
import unicodedata
import zoneinfo
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from campaigns.model.column import Column, Role

_ZONE_FIELDS = (
    "zone", "time_zone", "timezone", "tz", "zeitzone", "fuseau_horaire", "huso_horario", "zona_horaria",
    "fuso_orario", "fuso_horario", "tijdzone",
)  # fmt: skip
_PHONE = re.compile(r"(?:tel:\s*)?\(?(?:\+|00)\s*([1-9][\d\s()./-]{5,})", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])\s*(\d{1,2})(?::?([034][05]))?", re.IGNORECASE)
_BETWEEN_HOURS = {  # zones of such an offset that never set their clocks; Etc/GMT has whole hours alone
    "+3:30": "Asia/Tehran", "+4:30": "Asia/Kabul", "+5:30": "Asia/Kolkata", "+5:45": "Asia/Kathmandu",
    "+6:30": "Asia/Yangon", "+8:45": "Australia/Eucla", "+9:30": "Australia/Darwin", "-9:30": "Pacific/Marquesas",
}  # fmt: skip
_LONGEST_CODE = 4  # digits of a calling code, with the area code where countries share one


def zone_of(text: str) -> str | None:
    """The IANA zone that a cell tells; None where it tells none, or a country with several."""
    tidy = " ".join(unicodedata.normalize("NFKC", text).split())
    if phone := _PHONE.fullmatch(tidy):
        return _zone_of_phone(re.sub(r"\D", "", phone[1]))
    return _zone_of_words(tidy)


def zone_columns(columns: tuple[Column, ...]) -> list[Column]:
    """The columns that may tell a zone, the surest first: those called so, countries, phone numbers."""
    named = [column for column in columns if column.field in _ZONE_FIELDS]
    roles = [column for role in (Role.COUNTRY, Role.PHONE) for column in columns if column.role is role]
    return [*named, *(column for column in roles if column not in named)]


@lru_cache(2_000)
def _zone_of_words(tidy: str) -> str | None:
    country = _countries().by_name.get(_folded(tidy))
    if country is not None:
        return _countries().main_zone[country] or None
    if known := _zones().get(tidy.lower().replace(" ", "_")):
        return known
    if offset := _OFFSET.fullmatch(tidy):
        return _zone_of_offset(offset[1], int(offset[2]), offset[3] or "00")
    return None


def _zone_of_offset(sign: str, hours: int, minutes: str) -> str | None:
    if minutes != "00":
        return _BETWEEN_HOURS.get(f"{sign}{hours}:{minutes}")
    return _zones().get(
        f"etc/gmt{'-' if sign == '+' else '+'}{hours}"
    )  # in Etc/GMT-2 clocks are two hours ahead (POSIX)


def _zone_of_phone(digits: str) -> str | None:
    known = _countries()
    for length in range(_LONGEST_CODE, 0, -1):
        if country := known.by_code.get(digits[:length]):
            return known.main_zone[country] or None
    return None


@dataclass(frozen=True, slots=True)
class _Countries:
    main_zone: dict[str, str]  # by the country's two letters; "" where it has several
    by_name: dict[str, str]
    by_code: dict[str, str]


@cache
def _countries() -> _Countries:
    known = _Countries({}, {}, {})
    table = resources.files("campaigns.model").joinpath("countries.tsv").read_text("utf-8")
    for line in table.splitlines()[1:]:
        country, zone, codes, names = line.split("\t")
        known.main_zone[country] = zone
        known.by_name.update(dict.fromkeys([country.lower(), *map(_folded, names.split(", "))], country))
        known.by_code.update(dict.fromkeys(codes.split(), country))
    return known


@cache
def _zones() -> dict[str, str]:
    """Every zone of the tz database by its name in small letters."""
    return {zone.lower(): zone for zone in zoneinfo.available_timezones()}


def _folded(text: str) -> str:
    """Small letters without accents, words parted by one blank; initials together, and no article before them."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    words = " ".join(re.sub(r"[^\w]+", " ", bare.lower()).split()).removeprefix("the ")
    return re.sub(r"\b(\w) (?=\w\b)", r"\1", words)  # U.K.
