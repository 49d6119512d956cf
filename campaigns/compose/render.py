"""One rendering session: a compiled template and batch after batch of recipients.

Runs in the child (`child.py`). Jinja works on the template's source for each recipient and leaves marks where values
stand; only a text with marks that was not seen before is laid out (`shapes.py`).
"""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from jinja2 import Template

from campaigns.compose.attachments import paths
from campaigns.compose.cells import Cell, RowCells, shown_and_value
from campaigns.compose.compare import same
from campaigns.compose.compiled import compile_template
from campaigns.compose.contexts import link_is_fit
from campaigns.compose.holes import Constant, Holes, OwnUrl
from campaigns.compose.images import ImageFolder
from campaigns.compose.job import Inspection, RenderJob
from campaigns.compose.marked import Marks, TemplateKind
from campaigns.compose.mistakes import Mistake, NoField, TooSlow, explained, finding
from campaigns.compose.shapes import Kept, Shapes, Texts
from campaigns.compose.speech import Speech, date_text
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Shape
from campaigns.model.column import CellKind, Column, Role
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

MOST_CHARACTERS = 1_000_000  # of one mail, before layout
_MOST_PIECES = 200_000
_GIVE_UP_AFTER = 3  # rows that took too long or too much memory
_LOCALE_COLUMNS = ("locale", "language", "lang")
_ROWS_NOT_PRINTED = Finding(
    "rows_not_printed",
    Severity.WARNS,
    "The person has several rows in this mail, and the template prints only the first.",
    "Print all of them, {% for one in rows %}...{% endfor %}, or import the sheet with --repeated each.",
)


@dataclass(slots=True)
class Batch:
    """What came of some rows: (row number, shape, joined values); shape -1 with a problem.

    Where the template attaches a file by a pattern, a row ends with the files that it names: (path, personal).
    """

    rows: list[tuple[int, int, str] | tuple[int, int, str, None, list[tuple[str, bool]]]] = field(default_factory=list)
    problems: dict[int, Finding] = field(default_factory=dict)  # by place in `rows`
    shapes: list[tuple[int, Shape]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Session:
    def __init__(self, job: RenderJob, first_shape: int = 0) -> None:
        """Compile; TemplateError if the template cannot be used."""
        marks = Marks()
        self._job = job
        self._holes = Holes(marks)
        self._speech = Speech(job.locale)
        self._holes.date_text = lambda day: date_text(day, "medium", self._speech.name)
        self._compiled = compile_template(job, self._holes, self._speech)
        images = ImageFolder(job.workspace_root, (job.workspace_root / job.source.name).parent)
        self._shapes = Shapes(self._compiled, marks, images, first_shape)
        self._cells = self._make_cells()
        self._today = Cell("today", CellKind.DATE, value=job.today)
        self._names = self._make_names()
        self._columns = {column.field: column for column in job.fields}
        self._uses_rows = "rows" in self._compiled.survey.used
        self._locale_place = _locale_place(job.fields)
        self._stopped = 0
        self._tallies: dict[Hashable, _Tally] = {}
        self.turn = 0  # counts rows, for the alarm
        self.busy = False

    @property
    def shapes(self) -> int:
        """The number that the next new shape gets."""
        return self._shapes.next

    def inspection(self) -> Inspection:
        matter = self._job.source.front_matter
        survey = self._compiled.survey
        return Inspection(
            subject=matter.text("subject"),
            from_=matter.text("from"),
            reply_to=matter.text("reply_to"),
            kind=matter.text("kind"),
            fields_used=tuple(column.field for column in self._job.fields if column.field in survey.used),
            uses_today="today" in survey.used,
            uses_view_url="view_url" in survey.used,
            uses_unsubscribe="unsubscribe_url" in survey.used,
            findings=tuple(survey.unknown(self._compiled.chart)),
        )

    def render(self, rows: Iterable[Sequence[Any]]) -> Batch:
        """Render rows of (spreadsheet row number, cells), maybe with a list of the cells of the person's further rows."""
        batch = Batch()
        self._tallies = {}
        for row, cells, *others in rows:
            files: list[tuple[str, bool]] = []
            try:
                self.turn += 1
                self.busy = True
                shape, values, problem = self._rendered(row, cells, others[0] if others else ())
                if self._compiled.attachments and problem is None:
                    files, problem = self._files(row)
            except (Exception, TooSlow) as error:  # noqa: BLE001 - whatever a template does is the template's mistake
                shape, values, problem = -1, "", self._stopped_or_wrong(row, error)
            self.busy = False
            if problem is not None:
                batch.problems[len(batch.rows)] = problem
            if files:
                batch.rows.append((row, shape, values, None, files))
            else:
                batch.rows.append((row, shape, values))
        batch.shapes, self._shapes.new = self._shapes.new, []
        batch.findings = [tally.finding() for tally in self._tallies.values()]
        return batch

    def _rendered(self, row: int, cells: list[Any], others: Sequence[list[Any]]) -> tuple[int, str, Finding | None]:
        if self._stopped >= _GIVE_UP_AFTER:
            raise TooSlow
        self._fill(row, cells)
        if self._uses_rows:
            self._names["rows"] = [RowCells(self._columns, one) for one in (cells, *others)]
        holes = self._holes
        kept, texts = self._shapes.find(self._texts(), holes.codes, holes.values)
        if kept.problem is not None:
            raise kept.problem
        values = holes.values
        joined = "".join([values[number] + "\0" for number in kept.printed])
        problem = self._unusable(row, joined, kept)
        if problem is not None:
            return -1, "", problem
        if holes.empty:
            self._count_empty(row)
        if others:
            self._count_disagreement(row, others)
        for one in kept.findings:
            self._count(one, row)
        if kept.extremes.pick(joined):
            self._compare(row, texts)
        return kept.shape, joined, None

    def _fill(self, row: int, cells: list[Any]) -> None:
        """The row's cells into the names that templates see."""
        for place, cell in self._cells:
            content = cells[place]
            if content.__class__ is str:
                cell._shown = content
                cell._value = None
            elif content is None:
                cell._shown = ""
                cell._value = None
            else:
                cell._shown, cell._value = content
        self._names["row"] = row
        if self._locale_place >= 0:
            content = cells[self._locale_place]
            self._speech.asked = content if isinstance(content, str) else ""
        if self._compiled.uses_today:
            self._today._shown = date_text(self._job.today, "long", self._speech.name)
        self._holes.clear()

    def _texts(self) -> Texts:
        compiled, holes = self._compiled, self._holes
        holes.is_text = True
        subject = self._run(compiled.subject)
        preheader = self._run(compiled.preheader)
        holes.is_text = compiled.kind is TemplateKind.TEXT
        return subject, preheader, self._run(compiled.body), self._run(compiled.frame)

    def _run(self, template: Template | str) -> str:
        if isinstance(template, str):
            return template
        context = template.new_context(self._names, shared=True)
        pieces = list(islice(template.root_render_func(context), _MOST_PIECES))
        if len(pieces) > 1000 and (len(pieces) == _MOST_PIECES or sum(map(len, pieces)) > MOST_CHARACTERS):
            raise Mistake("The mail is longer than 1 MB.", "Look for a loop that runs too often.")
        text = "".join(pieces)
        if len(text) > MOST_CHARACTERS:
            raise Mistake("The mail is longer than 1 MB.", "Look for a loop that runs too often.")
        return text

    def _files(self, row: int) -> tuple[list[tuple[str, bool]], Finding | None]:
        """The files that the patterns name for this row, or why there is none; it runs after the mail was rendered."""
        holes = self._holes
        files: list[tuple[str, bool]] = []
        for template in self._compiled.attachments:
            holes.clear()
            holes.is_text = True
            text = self._run(template)
            personal = bool(holes.codes)  # a mark is printed where a value is
            named = paths(holes.resolved(text))
            if personal and (holes.empty or not named):
                empty = ", ".join(dict.fromkeys(self._cells[slot][1]._field for slot in holes.empty))
                return [], self._no_file(row, empty)
            files += [(path, personal) for path in named]
        return files, None

    def _no_file(self, row: int, empty: str) -> Finding:
        source = self._job.source
        where, source_line = self._compiled.chart.where(f"{source.name}#attachments", 1)
        return Finding(
            "no_attachment",
            Severity.LEAVES_OUT,
            f"The row names no file where the others have one: {f'{empty} is empty' if empty else source_line}.",
            "Fill the cell in. If some people shall get none, ask first: "
            f"attachments: {{% if {empty or 'file'} %}}{{{{ {empty or 'file'} }}}}{{% endif %}}",
            str(where),
            1,
            (row,),
        )

    def _unusable(self, row: int, joined: str, kept: Kept) -> Finding | None:
        """Why this row's values cannot be mailed; other rows' can."""
        if joined.count("\0") != len(kept.printed) or not (joined.isascii() or _is_unicode(joined)):
            return Finding(
                "unusable_character",
                Severity.LEAVES_OUT,
                "A printed value holds a character that no mail may hold (NUL, or half a character).",
                "Type the cell again.",
                self._compiled.name,
                1,
                (row,),
            )
        if kept.urls:
            values = joined.split("\0")
            for slot in kept.urls:
                if not link_is_fit(values[slot]):
                    return self._unfit(row, values[slot], self._holes.codes[kept.printed[slot]])
        return None

    def _unfit(self, row: int, link: str, code: int) -> Finding:
        name = self._cells[code][1]._field if code >= 0 else ""
        where = f"column {name}" if name else self._compiled.name
        sentence = (
            f"“{link[:60]}” is no link that a mail may hold." if link else "A link leads nowhere: its value is empty."
        )
        remedy = "Links begin with https:, http:, mailto: or tel:."
        if not link:
            remedy += f" Or print the link only where there is one: {{% if {name or 'field'} %}}."
        return Finding("unfit_link", Severity.LEAVES_OUT, sentence, remedy, where, 1, (row,), name)

    def _stopped_or_wrong(self, row: int, error: BaseException) -> Finding:
        stopped = isinstance(error, TooSlow | MemoryError)
        self._stopped += stopped
        shown = explained(error, self._compiled.chart, row)
        error.__traceback__ = None  # its frames hold everything that the row made
        if isinstance(error, NoField):
            return finding(shown, "unknown_field")
        return finding(shown, "template_stopped" if stopped else "template_error", row)

    def _compare(self, row: int, texts: Texts) -> None:
        """The filled mail against one that Jinja rendered without holes."""
        holes = self._holes
        holes.is_text = True
        filled = [holes.resolved(text) for text in texts[:2]]
        holes.is_text = self._compiled.kind is TemplateKind.TEXT
        filled += [holes.resolved(text) for text in texts[2:]]
        holes.plain = True
        try:
            plain = self._texts()
        finally:
            holes.plain = False
        filled = [text.replace(holes.safe_word, "") for text in filled]
        if not all(same(one, other) for one, other in zip(filled, plain, strict=True)):
            self._count(
                Finding(
                    "layout_differs",
                    Severity.STOPS,
                    "The mail would not read as the template says.",
                    "A {% filter %} block around merge fields, or a test on a {% set %} block that holds some, may be"
                    " the cause: put filters and tests on the merge fields themselves.",
                    self._compiled.name,
                ),
                row,
            )

    def _count(self, one: Finding, row: int) -> None:
        self._tallies.setdefault((one.code, one.where), _Tally(one, self._job.rows_named)).add(row)

    def _count_empty(self, row: int) -> None:
        for slot in set(self._holes.empty):
            tally = self._tallies.get(slot)
            if tally is None:
                tally = self._tallies[slot] = _Tally(self._empty(self._cells[slot][1]._field), self._job.rows_named)
            tally.add(row)

    def _count_disagreement(self, row: int, others: Sequence[list[Any]]) -> None:
        """Of one person's rows only the first is seen outside of `rows`."""
        if not self._uses_rows:
            self._count(replace(_ROWS_NOT_PRINTED, where=self._compiled.name), row)
        for place, cell in self._cells:
            if any(shown_and_value(cells[place])[0] != cell._shown for cells in others):
                self._count(self._disagrees(cell._field), row)

    def _disagrees(self, name: str) -> Finding:
        where, _ = self._compiled.chart.where(*self._compiled.survey.used[name], name)
        return Finding(
            "rows_disagree",
            Severity.WARNS,
            f"The rows of one person differ in {name}, which the mail takes from the first of them.",
            f"Print it for each row: {{% for one in rows %}}{{{{ one.{name} }}}}{{% endfor %}}.",
            str(where),
        )

    def _empty(self, name: str) -> Finding:
        survey = self._compiled.survey
        where, _ = self._compiled.chart.where(*(survey.printed.get(name) or survey.used[name]), name)
        return Finding(
            "empty_field",
            Severity.WARNS,
            f"The merge field {name} is empty where the mail prints it.",
            f'Write {{{{ {name}|default("...") }}}}, or ask first: {{% if {name} %}}.',
            str(where),
            field=name,
        )

    def _make_cells(self) -> list[tuple[int, Cell]]:
        """A cell for each field that the template uses, with its place in a row; the slot is the place in this list."""
        used = [column for column in self._job.fields if column.field in self._compiled.survey.used]
        return [(column.place, Cell(column.field, column.kind, slot)) for slot, column in enumerate(used)]

    def _make_names(self) -> dict[str, Any]:
        return {
            **self._compiled.functions,
            "unsubscribe_url": OwnUrl("unsubscribe_url", UNSUBSCRIBE_URL, there=True),
            "view_url": OwnUrl("view_url", VIEW_URL, there=self._job.has_public_url),
            "today": self._today,
            "campaign": Constant(self._job.campaign),
            "row": 0,
            "rows": [],
            **{cell._field: cell for _, cell in self._cells},
        }


class _Tally:
    """One Finding's rows within a batch."""

    def __init__(self, found: Finding, most: int) -> None:
        self._found = found
        self._most = most
        self._rows = 0
        self._first: list[int] = []

    def add(self, row: int) -> None:
        self._rows += 1
        if len(self._first) < self._most:
            self._first.append(row)

    def finding(self) -> Finding:
        return replace(self._found, rows=self._rows, first_rows=tuple(self._first))


def _locale_place(columns: Sequence[Column]) -> int:
    """Where a row says its person's language: the column that was taken for it, else the one of that name; else -1."""
    named = (column.place for column in columns if column.field.lower() in _LOCALE_COLUMNS)
    return next((column.place for column in columns if column.role is Role.LANGUAGE), next(named, -1))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
