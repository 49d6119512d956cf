"""Arguments and options that several verbs take, said once; and the reading of their values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.errors import UsageError

if TYPE_CHECKING:
    from campaigns.model.states import Repeated
    from campaigns.recipients.sheet import ReadOptions

CampaignName = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's name.", show_default=False)]
SheetPath = Annotated[
    Path,
    typer.Argument(
        metavar="SHEET",
        help="A spreadsheet with one person a row: .csv, .xlsx, .xlsm, .xls, .xlsb or .ods.",
        show_default=False,
    ),
]
TemplateName = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE", help="A template in templates/, or a path in the workspace.", show_default=False
    ),
]
ListName = Annotated[str, typer.Option("--list", metavar="NAME", help="The list's name.", show_default=False)]


def _row(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is no row: write its number.")
    return int(text)


Row = Annotated[
    int | None,
    typer.Option(
        "--row", metavar="N", parser=_row, help="Whose mail, by the row's number in the sheet.", show_default=False
    ),
]
EdgeCases = Annotated[bool, typer.Option("--edge-cases", help="The mails of the rows that differ most.")]
Worksheet = Annotated[
    str, typer.Option("--worksheet", metavar="TITLE", help="Which worksheet of a workbook.", show_default=False)
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=HEADER", help="Which column is what: email=E-Mail.", show_default=False),
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="FIELD=KIND", help="What a column holds: text, number, date or yes_no.", show_default=False
    ),
]
Encoding = Annotated[
    str,
    typer.Option("--encoding", metavar="NAME", help="How a .csv was written, if not in UTF-8.", show_default=False),
]
HiddenRowsWord = Annotated[
    str,
    typer.Option(
        "--hidden-rows",
        metavar="read|skip",
        help="Whether rows that are hidden or filtered away are meant, too.",
        show_default=False,
    ),
]

TransportName = Annotated[
    str,
    typer.Option(
        "--transport", metavar="NAME", help="A transport of the settings; else a rehearsal.", show_default=False
    ),
]
OtherTransport = Annotated[
    str,
    typer.Option(
        "--transport", metavar="NAME", help="A transport of the settings; else the campaign's own.", show_default=False
    ),
]
From = Annotated[
    str,
    typer.Option("--from", metavar="ADDRESS", help="The sender, one of the settings' senders.", show_default=False),
]
When = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="WHEN",
        help="now, in 2 hours, tomorrow 09:00, Tuesday 09:00, next business day 09:00, 2026-12-01 09:00 "
        "or 1.12.2026 09:00.",
        show_default=False,
    ),
]
Zone = Annotated[
    str,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="The time zone of --at, or `recipient`: the time on each person's own clock. Unless given: the workspace's.",
        show_default=False,
    ),
]
DefaultZone = Annotated[
    str,
    typer.Option("--default-zone", metavar="ZONE", help="The zone of people whose row tells none.", show_default=False),
]
ZoneColumn = Annotated[
    str,
    typer.Option(
        "--zone-column",
        metavar="FIELD",
        help="The column that tells people's zone: zones, countries or phone numbers. Unless given: it is looked for.",
        show_default=False,
    ),
]
AtColumn = Annotated[
    str,
    typer.Option(
        "--at-column", metavar="FIELD", help="The column that says when each person's mail leaves.", show_default=False
    ),
]
LateWord = Annotated[
    str,
    typer.Option(
        "--late",
        metavar="send|next-window|ask|expire",
        help="What becomes of mail whose time passed while nobody sent it, and of the newest date that a series missed. "
        "Unless given: ask.",
        show_default=False,
    ),
]
Every = Annotated[
    str,
    typer.Option(
        "--every",
        metavar="RULE",
        help='When it comes round: "monday 09:00", "last weekday of month 08:30", "1st and 15th 07:00", '
        '"cron 0 9 * * mon".',
        show_default=False,
    ),
]
Whom = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="new|changed|all",
        help="For whom of the sheet each time: whom the series has not mailed yet, or also whose row has changed since, "
        "or all. Unless given: new.",
        show_default=False,
    ),
]
SheetAgain = Annotated[
    str,
    typer.Option(
        "--sheet",
        metavar="PATH",
        help="The file that is read into the list each time. Unless given: the list's newest sheet.",
        show_default=False,
    ),
]
ThrottleTexts = Annotated[
    list[str] | None,
    typer.Option("--throttle", metavar="N/UNIT", help="A limit: 20/s, 300/min, 50000/d.", show_default=False),
]
WindowTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar="HOURS",
        help="When mail may leave: mon-fri 09:00-17:30, sat 10:00-14:00 Europe/Berlin; `recipient` in the place of the "
        "zone goes by each person's clock. Of several, all must be open.",
        show_default=False,
    ),
]
HolidaysCode = Annotated[
    str,
    typer.Option(
        "--holidays",
        metavar="CODE",
        help="Nothing leaves on these holidays, by country and region: DE, DE-BY, US-CA.",
        show_default=False,
    ),
]
PauseAboveText = Annotated[
    str,
    typer.Option(
        "--pause-above",
        metavar="SHARE",
        help="Pause when more of the last 200 mails were rejected or deferred: 10%, 5% of 1000, never. "
        "Unless given: the setting `pause_above`.",
        show_default=False,
    ),
]
CanaryPart = Annotated[
    str | None,
    typer.Option(
        "--canary", metavar="PART", help="So many leave first and alone: 1% of all, or 500.", show_default=False
    ),
]
Hold = Annotated[
    str | None,
    typer.Option(
        "--hold",
        metavar="TIME",
        help="How long the others wait after the canary; then they go on by themselves. Unless given: 30min. Without a "
        "canary: how long the first mail waits, so that `reopen` takes everything back.",
        show_default=False,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only rows for which it holds: country = 'DE' and plan != 'free'.",
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="LIST", help="Nobody who stands in this list.", show_default=False),
]
NotMailedIn = Annotated[
    str | None,
    typer.Option(
        "--not-mailed-in", metavar="TIME", help="Nobody who got mail from here in this time: 30d.", show_default=False
    ),
]
Transactional = Annotated[
    bool, typer.Option("--transactional", help="Mail that people asked for: no unsubscribe link is needed.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Accept warnings without being asked.")]
Again = Annotated[bool, typer.Option("--again", help="Send although the same mail left within 30 days.")]
RowsOut = Annotated[
    Path | None,
    typer.Option("--rows", metavar="OUT.CSV", help="Write every row with what became of it.", show_default=False),
]
SheetOut = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="OUT.XLSX",
        help="Give the list's own workbook back, with what was found in it.",
        show_default=False,
    ),
]


def _repeated(text: str) -> str:
    if text not in REPEATED:
        raise typer.BadParameter(f"{text!r}: choose one of {', '.join(REPEATED)}.")
    return text


REPEATED = ("first", "each", "together")
RepeatedRows = Annotated[
    str | None,
    typer.Option(
        "--repeated",
        metavar="|".join(REPEATED),
        parser=_repeated,
        help="A person's further rows: left out, a mail for each, or all in one mail as `rows`. "
        "Unless given: as in the list's last sheet, else first.",
        show_default=False,
    ),
]


def repeated_of(word: str | None) -> "Repeated | None":
    from campaigns.model.states import Repeated

    return None if word is None else Repeated(word)


def row_or_edge_cases(row: int | None, edge_cases: bool) -> None:
    """UsageError if both were asked for."""
    if row is not None and edge_cases:
        raise UsageError("`--row` and `--edge-cases` exclude each other.", remedy="Take one of them.")


def read_options(
    worksheet: str, columns: Sequence[str] | None, types: Sequence[str] | None, encoding: str, hidden_rows: str
) -> "ReadOptions":
    """How a sheet is to be read; UsageError for a pair without `=` or an unknown word."""
    from campaigns.model.column import CellKind
    from campaigns.recipients.sheet import HiddenRows, ReadOptions

    if hidden_rows and hidden_rows not in list(HiddenRows):
        raise UsageError(f"`--hidden-rows {hidden_rows}` is unknown.", remedy=f"Choose one of {', '.join(HiddenRows)}.")

    kinds: dict[str, CellKind] = {}
    for field, word in _pairs(types, "--type", "amount=number").items():
        try:
            kinds[field] = CellKind(word.strip().lower().replace("/", "_").replace("-", "_"))
        except ValueError:
            raise UsageError(
                f"{word!r} is no kind of column.", remedy=f"Choose one of {', '.join(CellKind)}."
            ) from None
    return ReadOptions(
        worksheet=worksheet or None,
        columns=_pairs(columns, "--column", "email=E-Mail"),
        types=kinds,
        encoding=encoding or None,
        hidden_rows=HiddenRows(hidden_rows) if hidden_rows else None,
    )


def writable(out: Path | None, sheet: Path | None = None) -> Path | None:
    """The file for `--rows` or `--sheet`, if it can be written, and is not the sheet itself; seen before any work is done."""
    if out is None:
        return None
    if sheet is not None and out.exists() and sheet.exists() and out.samefile(sheet):
        raise UsageError("`--rows` would write over the sheet.", remedy="Name another file.")
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise UsageError(f"{out} cannot be written.", remedy="Name a file in a folder that is there.")
    return out


def _pairs(texts: Sequence[str] | None, option: str, example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UsageError(f"`{option} {text}` has no two sides.", remedy=f"Write it like `{option} {example}`.")
        pairs[name.strip()] = value.strip()
    return pairs
