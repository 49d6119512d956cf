"""Columns: from headers to field names, and the columns and kinds that a person names."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from campaigns.errors import SpreadsheetError, UsageError, Where
from campaigns.model.column import CellKind

JINJA_WORDS = frozenset(
    "and or not in is if else elif for recursive true false none "  # noqa: SIM905  one word a line would fill the page
    "self super loop caller varargs kwargs range dict namespace cycler joiner lipsum raw".split()
)
OWN_FIELDS = frozenset({"rows", "row", "today", "campaign", "unsubscribe_url", "view_url"})
RESERVED = JINJA_WORDS | OWN_FIELDS  # a header of this name gets `_2`

ADDRESS = "email"  # the name by which a person names the address column: --column email=HEADER


def field_name(header: str) -> str:
    """What templates call a header: lower case, runs of other characters as `_`; '' if no letter or digit is left."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", header).lower())
    kept = "".join(c if _may_stand_in_a_name(c) else "_" for c in lower)
    name = re.sub(r"_+", "_", kept).strip("_")
    return name if not name or name.isidentifier() else f"c_{name}"


def _may_stand_in_a_name(character: str) -> bool:
    """A letter, mark or digit of any script; of the marks those of Unicode 3.2, for Jinja's table of them is an old one."""
    if not f"a{character}".isidentifier():
        return False
    return re.match(r"\w", character) is not None or unicodedata.ucd_3_2_0.category(character) != "Cn"


def name_fields(headers: Sequence[str], chosen: Mapping[int, str]) -> list[str]:
    """A field name for each header, all different; `chosen` are the person's own, by place."""
    taken = set(RESERVED) | set(chosen.values())
    fields = []
    for place, header in enumerate(headers):
        if place in chosen:
            fields.append(chosen[place])
            continue
        wanted = field_name(header) or f"column_{column_letter(place).lower()}"
        name, n = wanted, 1
        while name in taken:
            n += 1
            name = f"{wanted}_{n}"
        taken.add(name)
        fields.append(name)
    return fields


def choose_columns(headers: Sequence[str], columns: Mapping[str, str], where: Where) -> dict[int, str]:
    """The person's `--column FIELD=HEADER` as field names by place."""
    chosen: dict[int, str] = {}
    for field, header in columns.items():
        check_field(field)
        place = place_of(header, headers, where)
        if place in chosen:
            raise UsageError(
                f"The column “{headers[place]}” is named twice: {chosen[place]} and {field}.",
                where=where,
                remedy="Give each column one name.",
            )
        chosen[place] = field
    return chosen


def check_field(field: str) -> None:
    if field in RESERVED:
        raise UsageError(f"“{field}” is a word that templates need for themselves.", remedy=f"Try {field}_2.")
    if not field or field_name(field) != field:
        hint = field_name(field)
        raise UsageError(
            f"“{field}” is no field name: small letters, digits and _ make one.",
            remedy=f"Did you mean {hint}?" if hint else "Try a name like first_name.",
        )


def place_of(header: str, headers: Sequence[str], where: Where, fields: Sequence[str] = ()) -> int:
    """The place of the column that a person names by its header, or by its field name."""
    for same in (
        [place for place, other in enumerate(headers) if other == header],
        [place for place, field in enumerate(fields) if field == header],
        [place for place, other in enumerate(headers) if field_name(other) == field_name(header) != ""],
    ):
        if len(same) == 1:
            return same[0]
        if same:
            letters = ", ".join(column_letter(place) for place in same)
            raise SpreadsheetError(
                f"{len(same)} columns are called “{header}” ({letters}).",
                where=where,
                remedy="Give them different headers.",
            )
    close = get_close_matches(header, [*headers, *fields], n=1, cutoff=0.5)
    raise SpreadsheetError(
        f"There is no column “{header}”.",
        where=where,
        remedy=f"Did you mean “{close[0]}”?" if close else f"The columns are {listed(headers)}.",
    )


def choose_kinds(
    types: Mapping[str, CellKind | str], headers: Sequence[str], fields: Sequence[str], where: Where
) -> dict[int, CellKind]:
    """The person's `--type COLUMN=KIND` as kinds by place."""
    return {place_of(name, headers, where, fields): cell_kind(kind) for name, kind in types.items()}


def cell_kind(word: str) -> CellKind:
    """The kind that a person names."""
    folded = field_name(word)
    if folded in list(CellKind):
        return CellKind(folded)
    kinds = [str(kind) for kind in CellKind]
    close = get_close_matches(folded, kinds, n=1)
    raise UsageError(
        f"“{word}” is no kind of column.",
        remedy=f"Did you mean {close[0]}?" if close else f"The kinds are {', '.join(kinds)}.",
    )


def column_letter(place: int) -> str:
    """A, B, ... Z, AA: what a spreadsheet program calls the column at `place`."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@cache
def place_of_letters(letters: str) -> int:
    """The place of the column that a spreadsheet program calls so; ValueError for what it would not.

    There are few enough of them to be remembered.
    """
    if not (letters.isascii() and letters.isupper() and len(letters) <= 3):
        raise ValueError(f"no column: {letters}")
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - 64
    return place - 1


def listed(headers: Sequence[str], most: int = 12) -> str:
    """Headers for a sentence."""
    names = [f"“{header}”" for header in headers if header]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def quoted(header: str) -> str:
    """A header as it is typed at a prompt."""
    return f'"{header}"' if " " in header else header
