"""One rendering session: a compiled template and batch after batch of recipients.

Runs in the child (`child.py`). Jinja works on the template's source for each recipient and leaves marks where values
stand; only a text with marks that was not seen before is laid out (`shapes.py`).
"""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from jinja2 import Template

from campaigns.compose import row_findings
from campaigns.compose.attachments import paths
from campaigns.compose.cells import Cell, RowCells, shown_and_value
from campaigns.compose.compare import same
from campaigns.compose.compiled import Compiled, compile_template
from campaigns.compose.contexts import link_is_fit
from campaigns.compose.holes import Constant, Holes, OwnUrl
from campaigns.compose.images import ImageFolder
from campaigns.compose.inbox import Subjects
from campaigns.compose.job import Inspection, RenderJob
from campaigns.compose.leftovers import check_value, is_suspicious
from campaigns.compose.marked import Marks, TemplateKind
from campaigns.compose.mistakes import Mistake, NoField, TooSlow, explained, finding
from campaigns.compose.origin import Origins, Trace
from campaigns.compose.shapes import Kept, Shapes, Texts
from campaigns.compose.speech import Speech, date_text
from campaigns.compose.tallies import Tallies
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Shape
from campaigns.model.column import CellKind
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

MOST_CHARACTERS = 1_000_000  # of one mail, before layout
_MOST_PIECES = 200_000
_GIVE_UP_AFTER = 3  # rows that took too long or too much memory


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
        self._marks = marks
        self._holes = Holes(marks)
        self._speech = Speech(job.locale)
        self._holes.date_text = lambda day: date_text(day, "medium", self._speech.name)
        self._compiled = compile_template(job, self._holes, self._speech)
        images = ImageFolder(job.workspace_root, (job.workspace_root / job.source.name).parent)
        self._shapes = Shapes(self._compiled, marks, images, first_shape, self._traced)
        self._tracing: tuple[Compiled, Origins] | None = None
        self._cells = self._make_cells()
        self._today = Cell("today", CellKind.DATE, value=job.today)
        self._names = self._make_names()
        self._columns = {column.field: column for column in job.fields}
        self._uses_rows = "rows" in self._compiled.survey.used
        self._locale_place = self._compiled.locale_place
        self._locale_column = next((c.field for c in job.fields if c.place == self._locale_place), "")
        self._stopped = 0
        self._tallies = Tallies(job.rows_named)
        self._subjects = Subjects(str(self._compiled.chart.where(f"{self._compiled.file}#subject", 1)[0]))
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
        self._tallies = Tallies(self._job.rows_named)
        known: list[Kept | None] = []
        for row, cells, *others in rows:
            files: list[tuple[str, bool]] = []
            try:
                self.turn += 1
                self.busy = True
                kept, values, problem = self._rendered(row, cells, others[0] if others else ())
                if self._compiled.attachments and problem is None:
                    files, problem = self._files(row)
            except (Exception, TooSlow) as error:  # noqa: BLE001 - whatever a template does is the template's mistake
                kept, values, problem = None, "", self._stopped_or_wrong(row, error)
            self.busy = False
            if problem is not None:
                batch.problems[len(batch.rows)] = problem
            known.append(kept)
            shape = -1 if kept is None else kept.shape
            batch.rows.append((row, shape, values, None, files) if files else (row, shape, values))
        batch.shapes, self._shapes.new = self._shapes.new, []
        self._check_values(batch.rows, known)
        batch.findings = self._tallies.findings()
        return batch

    def conclusion(self) -> list[Finding]:
        """What only the last row shows: branches that nobody took, subjects that several people share."""
        if not self.turn:
            return []
        return [*self._compiled.branches.unreached(self._compiled.chart), *self._subjects.same()]

    def _rendered(
        self, row: int, cells: list[Any], others: Sequence[list[Any]]
    ) -> tuple[Kept | None, str, Finding | None]:
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
        if problem is None and (
            kept.runs_left or not self._subjects.is_plain(row, kept.in_subject, values, kept.subject_length)
        ):
            problem = self._check_subject(row, kept, values)
        if problem is not None:
            return None, "", problem
        if holes.empty:
            self._count_empty(row, kept)
        if others:
            self._count_disagreement(row, others)
        for one in kept.findings:
            self._tallies.count(one, row)
        if kept.extremes.pick(joined):
            self._compare(row, texts)
        return kept, joined, None

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
            if not self._speech.ask(content if isinstance(content, str) else "") and self._compiled.speaks:
                said = partial(row_findings.unknown_language, str(content), self._speech.name, self._locale_column)
                self._tallies.count_as("locale", row, said)
        if self._compiled.uses_today:
            self._today._shown = date_text(self._job.today, "long", self._speech.name)
        self._holes.clear()

    def _texts(self, compiled: Compiled | None = None) -> Texts:
        compiled, holes = compiled or self._compiled, self._holes
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

    def _traced(self) -> Trace | None:
        """The row once more, through templates that say where each piece of text comes from."""
        holes = self._holes
        before = holes.codes, holes.values, holes.empty
        holes.clear()
        try:
            if self._tracing is None:
                origins = Origins(self._marks)
                self._tracing = compile_template(self._job, holes, self._speech, origins), origins
            compiled, origins = self._tracing
            return Trace(self._texts(compiled), origins, compiled.chart)
        except Exception:  # noqa: BLE001 - the place is a help; without it the Finding still names the file
            return None
        finally:
            holes.codes, holes.values, holes.empty = before

    def _check_subject(self, row: int, kept: Kept, values: list[str]) -> Finding | None:
        """Counts what is wrong with a subject; gives what leaves the row out."""
        printed = [values[number] for number in kept.in_subject]
        for one in self._subjects.check(kept.subject, printed, kept.subject_length):
            if one.severity is not Severity.WARNS:
                return Finding(one.code, one.severity, one.sentence, one.remedy, one.where, 1, (row,))
            self._tallies.count(one, row)
        return None

    def _check_values(self, rows: Sequence[tuple[Any, ...]], known: list[Kept | None]) -> None:
        """Values that nobody should read, looked for in all rows at once."""
        if not is_suspicious("\0" + "".join([values for _, _, values, *_ in rows])):
            return
        for (row, _, joined, *_), kept in zip(rows, known, strict=True):
            if kept is None or not is_suspicious(f"\0{joined}"):
                continue
            for value, number in zip(joined.split("\0"), kept.printed, strict=False):
                found = check_value(value, self._name(kept.codes[number]), self._compiled.name)
                if found is not None:
                    self._tallies.count(found, row)

    def _unusable(self, row: int, joined: str, kept: Kept) -> Finding | None:
        """Why this row's values cannot be mailed; other rows' can."""
        if joined.count("\0") != len(kept.printed) or not (joined.isascii() or _is_unicode(joined)):
            return row_findings.unusable_character(self._compiled.name, row)
        if kept.urls:
            values = joined.split("\0")
            for slot in kept.urls:
                if not link_is_fit(values[slot]):
                    name = self._name(kept.codes[kept.printed[slot]])
                    return row_findings.unfit_link(values[slot], name, self._compiled.name, row)
        return None

    def _name(self, code: int) -> str:
        """The column that a printed value comes from, "" for a computed one."""
        return self._cells[code][1]._field if code >= 0 else ""

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
            self._tallies.count(row_findings.layout_differs(self._compiled.name), row)

    def _count_empty(self, row: int, kept: Kept) -> None:
        """Empty fields outside of the subject, which has a Finding of its own."""
        slots = self._holes.empty[:]
        for number in kept.in_subject:
            if kept.codes[number] >= 0 and not self._holes.values[number]:
                slots.remove(kept.codes[number])
        for slot in set(slots):
            self._tallies.count_as(slot, row, partial(row_findings.empty_field, self._name(slot), self._compiled))

    def _count_disagreement(self, row: int, others: Sequence[list[Any]]) -> None:
        """Of one person's rows only the first is seen outside of `rows`."""
        if not self._uses_rows:
            self._tallies.count(row_findings.rows_not_printed(self._compiled.name), row)
        for place, cell in self._cells:
            if any(shown_and_value(cells[place])[0] != cell._shown for cells in others):
                self._tallies.count(row_findings.rows_disagree(cell._field, self._compiled), row)

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
                empty = ", ".join(dict.fromkeys(self._name(slot) for slot in holes.empty))
                return [], row_findings.no_attachment(row, empty, self._compiled)
            files += [(path, personal) for path in named]
        return files, None

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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
