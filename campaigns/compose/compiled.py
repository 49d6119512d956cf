"""A template made ready to run: front matter, body and frame, each compiled in its sandbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from jinja2 import Template, nodes

from campaigns.compose.attachments import split
from campaigns.compose.branches import Branches
from campaigns.compose.fields import Survey
from campaigns.compose.front_matter import Entry
from campaigns.compose.holes import Constant, Holes
from campaigns.compose.job import RenderJob
from campaigns.compose.marked import TemplateKind
from campaigns.compose.mistakes import Chart, did_you_mean, explained
from campaigns.compose.origin import Origins
from campaigns.compose.sandbox import TemplateEnvironment
from campaigns.compose.source import BUILT_IN, resolved, said
from campaigns.compose.speech import LOCALE_COLUMNS, SPOKEN, Speech
from campaigns.errors import TemplateError, Where
from campaigns.model.column import Role

_FOOTER = '{% block footer %}<div class="footer"><a href="{{ unsubscribe_url }}">Unsubscribe</a></div>{% endblock %}'
# Which mail comes of a body in a layout; Markdown is laid out first and then set into its frame.
_IN_LAYOUT = {
    ("html", "html"): TemplateKind.HTML,
    ("html", "mjml"): TemplateKind.MJML,
    ("mjml", "mjml"): TemplateKind.MJML,
    ("txt", "txt"): TemplateKind.TEXT,
    ("md", "md"): TemplateKind.MARKDOWN,
}


@dataclass(frozen=True)
class Compiled:
    kind: TemplateKind
    subject: Template | str  # a text without merge fields stays a text
    preheader: Template | str
    attachments: tuple[Template, ...]  # the patterns; what is the same for all is not rendered
    body: Template
    frame: Template | str
    frame_kind: TemplateKind
    survey: Survey
    branches: Branches
    chart: Chart
    locale_place: int  # of the column that says each person's language; -1 without one
    functions: Mapping[str, Callable[..., object]]  # that templates may call
    unsaid: frozenset[str]  # codes of Findings that do not matter to this campaign
    file: str  # the template's own
    name: str  # what people call it

    @property
    def speaks(self) -> bool:
        """Whether some of its words depend on the recipient's language."""
        return self.uses_today or not SPOKEN.isdisjoint(self.survey.filters)

    @property
    def uses_today(self) -> bool:
        return "today" in self.survey.used


def compile_template(job: RenderJob, holes: Holes, speech: Speech, origins: Origins | None = None) -> Compiled:
    """All of a template, compiled, for `origins` so that it can be traced; a mistake is a TemplateError with its place."""
    source = job.source
    chart = Chart(source.files, _starts(job), {file: said(file) for file in source.files})
    try:
        return _Compiler(job, holes, speech, chart, origins).compiled()
    except RecursionError as error:
        raise explained(error, chart) from None
    except Exception as error:  # noqa: BLE001 - whatever a template does to its compiler is the template's mistake
        raise explained(error, chart) from None


def _starts(job: RenderJob) -> Mapping[str, tuple[str, int]]:
    matter = job.source.front_matter
    keys = {f"{job.source.name}#{key}": (job.source.name, entry.line) for key, entry in matter.entries.items()}
    return {job.source.name: (job.source.name, matter.body_line), **keys}


class _Compiler:
    def __init__(self, job: RenderJob, holes: Holes, speech: Speech, chart: Chart, origins: Origins | None) -> None:
        source = job.source
        self._job = job
        self._speech = speech
        self._source = source
        self._chart = chart
        self._name = chart.named[source.name]
        self._parts = {file: text for file, text in source.files.items() if file != source.name}
        self._survey = Survey([column.field for column in job.fields], self._parts)
        self._holes = holes
        self._branches = Branches()
        self._origins = origins
        self._environments = [self._environment(is_text=is_text) for is_text in (False, True)]
        self._marks = holes.marks

    def _environment(self, *, is_text: bool) -> TemplateEnvironment:
        return TemplateEnvironment(
            self._parts,
            self._holes,
            self._speech,
            self._survey,
            branches=self._branches,
            origins=self._origins,
            is_text=is_text,
        )

    def compiled(self) -> Compiled:
        source = self._source
        environment = self._environments[source.kind is TemplateKind.TEXT]
        subject, preheader = self._front("subject"), self._front("preheader")
        attachments = self._attachments()
        tree = environment.parse(source.front_matter.body, source.name, source.name)
        for file, text in self._parts.items():
            environment.parse(text, file, file)
        kind, layout, frame = self._places(tree)
        return Compiled(
            kind=kind,
            subject=subject,
            preheader=preheader,
            attachments=attachments,
            body=self._template(environment, self._in_layout(tree, layout), source.name),
            frame=self._frame(frame),
            frame_kind=TemplateKind.MJML if frame and frame.endswith(".mjml") else TemplateKind.HTML,
            survey=self._survey,
            branches=self._branches,
            chart=self._chart,
            locale_place=self._locale_place(),
            functions=environment.functions,
            unsaid=frozenset(
                code
                for code, matters in (("no_preheader", self._job.bulk), ("example_link", self._job.leaves))
                if not matters
            ),
            file=source.name,
            name=self._name,
        )

    def _front(self, key: str) -> Template | str:
        entry = self._source.front_matter.entries.get(key, Entry("", 0))
        if not any(begin in entry.text for begin in ("{{", "{%", "{#")):
            return entry.text
        return self._template(self._environments[True], entry.text, f"{self._source.name}#{key}")

    def _attachments(self) -> tuple[Template, ...]:
        _, patterns = split(self._source.front_matter.text("attachments"))
        if not patterns:
            return ()
        environment = self._environment(is_text=True)
        environment.filters["shared"] = lambda value: Constant(self._holes.text(value))
        return tuple(self._template(environment, one, f"{self._source.name}#attachments") for one in patterns)

    def _template(self, environment: TemplateEnvironment, text: str, name: str) -> Template:
        code = environment.compile(text, name, name)
        return environment.template_class.from_code(environment, code, environment.globals)

    def _locale_place(self) -> int:
        """The column that `locale:` names, that the import took for it, or that is called like one.

        A language that `locale:` names goes for everybody.
        """
        wanted = self._source.front_matter.text("locale")
        taken = next((column.place for column in self._job.fields if column.role is Role.LANGUAGE), -1)
        if not wanted and taken >= 0:
            return taken
        names = (wanted.lower(),) if wanted else LOCALE_COLUMNS
        places = {column.field.lower(): column.place for column in self._job.fields}
        found = next((places[name] for name in names if name in places), -1)
        if found >= 0 or not wanted:
            return found
        if not self._speech.use(wanted):
            raise self._error(
                f"“{wanted}” is neither a column of the sheet nor a language.",
                f"{did_you_mean(wanted, places)} Or write a language, such as de, fr_CH or German.",
                "locale",
            )
        return -1

    def _places(self, tree: nodes.Template) -> tuple[TemplateKind, str | None, str | None]:
        """The mail's kind, the layout that the body extends, and the frame that Markdown is set into."""
        source = self._source
        extends = tree.find(nodes.Extends)
        layout = source.layout
        if extends is not None:
            if source.front_matter.text("layout"):
                raise self._error("The template names its layout twice.", "Keep `layout:` or {% extends %}.", "layout")
            assert isinstance(extends.template, nodes.Const)
            above = resolved(extends.template.value, source.name, self._parts)
            if source.kind is TemplateKind.MARKDOWN and above and not above.endswith(".md"):
                raise self._error(
                    "A Markdown template names its layout at the top.",
                    f"Write `layout: {PurePosixPath(above).name}` between the --- lines instead of {{% extends %}}.",
                )
            return (self._kind_in(above) if above else source.kind), None, BUILT_IN if layout == BUILT_IN else None
        if source.kind is TemplateKind.MARKDOWN and layout and not layout.endswith(".md"):
            if layout.endswith(".txt"):
                self._kind_in(layout)
            return TemplateKind.MARKDOWN, None, layout
        if layout is None:
            return source.kind, None, None
        frame = BUILT_IN if source.kind is TemplateKind.MARKDOWN else None
        return self._kind_in(layout), layout, frame

    def _kind_in(self, layout: str) -> TemplateKind:
        ending = PurePosixPath(layout).suffix[1:].lower()
        kind = _IN_LAYOUT.get((self._source.kind, ending))
        if kind is None:
            raise self._error(
                f"A .{self._source.kind} template cannot stand in a .{ending} layout.",
                "HTML stands in .html and .mjml layouts, MJML in .mjml, Markdown in all of them, plain text in .txt.",
                "layout",
            )
        return kind

    def _in_layout(self, tree: nodes.Template, layout: str | None) -> str:
        body = self._source.front_matter.body
        if layout is None:
            return body
        if any(isinstance(node, nodes.Block) for node in tree.body):
            return f'{{% extends "{layout}" %}}{body}'
        self._refuse_without_content(layout)
        return f'{{% extends "{layout}" %}}{{% block content %}}{body}{{% endblock %}}'

    def _frame(self, frame: str | None) -> Template | str:
        if frame is None:
            return ""
        self._refuse_without_content(frame)
        footer = frame == BUILT_IN and self._job.bulk and "unsubscribe_url" not in self._survey.used
        text = (
            f'{{% extends "{frame}" %}}{{% block content %}}{self._marks.content}{{% endblock %}}'
            f"{_FOOTER if footer else ''}"
        )
        return self._template(self._environments[False], text, f"{self._source.name}#frame")

    def _refuse_without_content(self, layout: str) -> None:
        if not self._survey.has_block("content", layout):
            raise TemplateError(
                f"The layout {PurePosixPath(layout).name} has no place for the mail's text.",
                where=Where(file=self._chart.named[layout]),
                remedy="Write {% block content %}{% endblock %} where the text goes.",
            )

    def _error(self, sentence: str, remedy: str, key: str = "") -> TemplateError:
        matter = self._source.front_matter
        line = matter.entries[key].line if key in matter.entries else matter.body_line
        return TemplateError(sentence, where=Where(file=self._name, line=line), remedy=remedy)
