"""Printing for people: sentences, tables, findings and errors, with every foreign character made harmless.

Cells, subjects and servers' words are foreign text: they are never read as Rich markup, and control characters and
bidi overrides in them, which could rewrite what a terminal shows, are shown as a replacement character.
"""

import re
from collections.abc import Iterable, Sequence
from typing import IO, Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from campaigns.errors import MergecastError
from campaigns.model.states import Severity

_DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDE = 160  # columns where nobody looks at a terminal: a pipe or a file should not be cut at 80
_BEFORE = 60  # characters of a very long line that are shown before a mistake in it

SEVERITIES = {
    Severity.STOPS: ("stops", "bold red"),
    Severity.LEAVES_OUT: ("leaves out", "yellow"),
    Severity.WARNS: ("warns", "cyan"),
}


def harmless(text: object) -> str:
    """Foreign text as it may be printed."""
    return _DANGEROUS.sub("�", str(text))


class Screen:
    """One stream for people, with colours if it is a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        self._terminal = stream.isatty()
        width = None if self._terminal else _WIDE
        self._console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)

    def say(self, text: object, style: str = "", end: str = "\n", lead: str = "") -> None:
        """A sentence after `lead`, below whose end its further lines begin.

        On a terminal it is wrapped between words; a long word, like a path, stays whole, so that it can be copied.
        """
        said = Text(harmless(text), style=style, overflow="ignore")
        if self._terminal:
            lines = said.wrap(self._console, max(20, self._console.width - len(lead)))
            said = _under(len(lead), list(lines))
        self._console.print(Text(lead, style=style) + said, soft_wrap=True, end=end)

    def anew(self) -> None:
        """Begin at the top of a terminal, or with an empty line."""
        if self._terminal:
            self._console.clear()
        else:
            self._console.print()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
        """A table; the columns named in `right` are numbers."""
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for head in heads:
            table.add_column(head, justify="right" if head in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(harmless(cell)) for cell in row))
        self._console.print(table)


def _under(indent: int, lines: Sequence[Text]) -> Text:
    """Lines that begin below each other; a question keeps the blank after it."""
    for line in lines[:-1]:
        line.rstrip()
    return Text("\n" + " " * indent).join(lines)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 row`, `1,204 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def say_findings(screen: Screen, findings: Sequence[dict[str, Any]]) -> None:
    """Findings' documents, what stops first: the sentence, how many rows, the first of them, and the remedy."""
    for severity, (word, style) in SEVERITIES.items():
        for finding in findings:
            if finding["severity"] == severity:
                where = f" ({finding['where']})" if finding["where"] else ""
                screen.say(f"{finding['sentence']}{where}", style, lead=f"  {word:<11}")
                if finding["rows"]:
                    screen.say(_rows(finding), lead=" " * 13)
                if finding["remedy"]:
                    screen.say(finding["remedy"], "dim", lead=" " * 13)


def _rows(finding: dict[str, Any]) -> str:
    first = ", ".join(str(row) for row in finding["first_rows"])
    if not first:
        return counted(finding["rows"], "row")
    more = ", ..." if finding["rows"] > len(finding["first_rows"]) else ""
    return f"{counted(finding['rows'], 'row')}: {first}{more}"


def say_error(screen: Screen, error: MergecastError) -> None:
    """What is wrong, where, the line it stands in, and what to do next."""
    screen.say(error.sentence, "bold red")
    if place := str(error.where):
        screen.say(f"  {place}", "dim")
    if error.source_line:
        _say_source(screen, error.source_line, error.where.column or "")
    if error.remedy:
        screen.say(error.remedy)


def _say_source(screen: Screen, line: str, column: str) -> None:
    """The line, or the stretch of it around the mistake, and a mark below the column (from 1)."""
    indent = len(line) - len(line.lstrip())
    place = max(0, int(column) - 1 - indent) if column.isdecimal() else 0
    begin = max(0, place - _BEFORE) if len(line) > _WIDE else 0
    shown = harmless(line.strip()[begin : begin + _WIDE]).replace("\t", " ")
    screen.say(f"    {shown}")
    if column.isdecimal():
        screen.say(" " * (4 + cell_len(shown[: place - begin])) + "^", "bold red")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="cyan")


class Bar:
    """A bar on standard error: how far, how fast, how much longer. It appears at the first call; `stop` removes it."""

    def __init__(self, doing: str) -> None:
        console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(harmless(doing), total=None)
        self._stopped = False

    def __call__(self, done: int, total: int | None) -> None:
        if not self._stopped:
            self._progress.start()
        # An estimated total changes all the time, and Progress.update forgets the speed each time that it is told one.
        self._progress.tasks[0].total = total
        self._progress.update(self._task, completed=done)

    def stop(self) -> None:
        self._stopped = True
        self._progress.stop()
