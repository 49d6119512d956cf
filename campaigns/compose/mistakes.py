"""What a marketer hears about a template: plain words, the place, the source line, what to write instead."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType

from jinja2 import TemplateNotFound, TemplateSyntaxError

from campaigns.compose import foreign
from campaigns.errors import TemplateError, Where
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

_QUOTED = 120  # characters of a source line that a sentence repeats


class Mistake(Exception):  # noqa: N818 - the field's word
    """Raised while a template runs, by a filter, a cell or the sandbox; the place is added where it is caught."""

    def __init__(self, sentence: str, remedy: str = "", name: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.name = name  # the word to point at in the source line


class NoField(Mistake):
    """A name that nothing brings."""


class Refused(TemplateSyntaxError):  # noqa: N818
    """A mistake that was seen while the template was parsed."""

    def __init__(self, name: str, line: int, mistake: Mistake) -> None:
        super().__init__(mistake.sentence, line, name)
        self.mistake = mistake


class TooSlow(BaseException):
    """A row took longer than any honest mail takes."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Where compiled templates come from: their source by file, and where in the file each one begins."""

    files: Mapping[str, str]
    starts: Mapping[str, tuple[str, int]]  # compiled name -> (file, line of the file that its first line is)
    named: Mapping[str, str]  # file -> what to call it ("welcome.md")

    def where(self, name: str | None, line: int, word: str = "") -> tuple[Where, str]:
        """The place of a compiled template's line, and that line's text."""
        file, first = self.starts.get(name or "", (name or "", 1))
        line = max(line, 1) + first - 1
        lines = self.files.get(file, "").splitlines()
        text = lines[line - 1] if line <= len(lines) else ""
        edge = r"\w" if word.isidentifier() else "(?!)"
        found = re.search(rf"(?<!{edge}){re.escape(word)}(?!{edge})", text) if word else None
        column = str(found.start() + 1) if found else None
        return Where(file=self.named.get(file, file), line=line, column=column), text.strip()[:_QUOTED]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`Did you mean first_name?`, or a list of what there is."""
    known = sorted(names)
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"There is: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}." if known else ""


def explained(error: BaseException, chart: Chart, row: int | None = None) -> TemplateError:
    """Any error of a template, compiling or running, as one for people."""
    if isinstance(error, TemplateError):
        return error
    sentence, remedy, word = _in_plain_words(error)
    name, line = _place(error)
    if isinstance(error, TemplateSyntaxError):
        file, first = chart.starts.get(name or "", (name or "", 1))
        theirs = foreign.in_braces(chart.files.get(file, ""), max(line, 1) + first - 1)
        sentence, remedy, word = theirs or (sentence, remedy, word)
    where, source_line = chart.where(name, line, word) if name is not None else (Where(), "")
    if row is not None:
        where = Where(file=where.file, row=row, line=where.line, column=where.column)
    return TemplateError(sentence, where=where, remedy=remedy, source_line=source_line)


def finding(error: TemplateError, code: str = "template_error", row: int | None = None) -> Finding:
    """The error as a Finding that stops the campaign, for one row or for all of them."""
    where = Where(file=error.where.file, line=error.where.line, column=error.where.column)
    sentence = f"Row {row}: {error.sentence}" if row is not None else error.sentence
    if error.source_line:
        sentence += f" It stands here: {error.source_line}"
    return Finding(
        code=code,
        severity=Severity.STOPS,
        sentence=sentence,
        remedy=error.remedy,
        where=str(where),
        rows=0 if row is None else 1,
        first_rows=() if row is None else (row,),
    )


def _place(error: BaseException) -> tuple[str | None, int]:
    """The compiled template and its line in which the error happened."""
    if isinstance(error, TemplateSyntaxError):
        return error.name or "", error.lineno
    found: tuple[str | None, int] = (None, 0)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = (template.name or "", template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return found


def _in_plain_words(error: BaseException) -> tuple[str, str, str]:
    """(sentence, remedy, word to point at)."""
    if isinstance(error, Refused):
        error = error.mistake
    if isinstance(error, Mistake):
        return error.sentence, error.remedy, error.name
    if isinstance(error, TemplateSyntaxError):
        return _syntax(error.message or "")
    if isinstance(error, TemplateNotFound):
        return (
            f"There is no layout or block “{error.name}”.",
            "Files that a template uses lie in templates/layouts, in templates/blocks or next to it.",
            "",
        )
    for kinds, sentence, remedy in _PLAIN:
        if isinstance(error, kinds):
            return sentence, remedy, ""
    return "This cannot be worked out.", "Check the fields and filters that stand here.", ""


def _syntax(message: str) -> tuple[str, str, str]:
    for pattern, sentence, remedy in _SYNTAX:
        match = re.search(pattern, message, re.DOTALL)
        if match:
            words = {f"g{n}": text or "" for n, text in enumerate(match.groups(), 1)}
            return sentence.format(**words), remedy.format(**words), ""
    return "This cannot be read as a merge field or a condition.", "Compare it with the examples in templates/.", ""


_PLAIN: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (TooSlow, "The template takes too long.", "Look for a loop that never gets to its end."),
    (MemoryError, "The template needs too much memory.", "Look for a loop that makes a text longer and longer."),
    (RecursionError, "The template calls itself, or nests too deeply.", "Nest fewer blocks and brackets."),
    (ZeroDivisionError, "This divides by zero.", "Ask first whether the number is zero: {% if amount %}."),
    (OverflowError, "This number is too large.", "Check the sum that stands here."),
    (
        TypeError,
        "This works with values that do not fit together, such as a text and a number.",
        "A column counts as number or date only if the import found it so; numbers stand without quotes.",
    ),
    (ValueError, "A value does not fit here.", "Check the values that stand here."),
    (SyntaxError, "The template nests too many blocks.", "Nest fewer {% for %} and {% if %}."),
)

# What Jinja's parser says, and what a person says; the first that matches counts.
_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (
        r"unexpected char '([“”„«»‘’‚])'",
        "Inside {{{{ }}}} and {{% %}} stands a curly quotation mark: {g1}",
        "Write straight quotes there: \" or '. Word processors change them.",
    ),
    (
        r"unexpected char '&'",
        "Inside {{{{ }}}} or {{% %}} stands an &.",
        "An editor may have written &gt; for > or &quot; for a quotation mark. Write the plain character; for && write and.",
    ),
    (r"""unexpected char (?:"'"|'"')""", "A text begins with a quotation mark that never comes again.", "Close it."),
    (r"unexpected char '(.)'", "“{g1}” has no meaning inside {{{{ }}}} and {{% %}}.", "Take it out."),
    (
        r"unknown tag '(end\w+|else|elif)'.*needs to be closed is '(\w+)'",
        "{{% {g1} %}} comes before the end of {{% {g2} %}}.",
        "Close what was opened last first: {{% end{g2} %}}.",
    ),
    (
        r"unknown tag '(end\w+|else|elif)'",
        "{{% {g1} %}} closes or continues nothing.",
        "Look for the {{% if %}} or {{% for %}} that should stand before it.",
    ),
    (r"unknown tag '(\w+)'", "There is no tag {{% {g1} %}}.", "There is if, for, set, include, block and macro."),
    (
        r"end of template.*needs to be closed is '(\w+)'",
        "The template ends, but {{% end{g1} %}} is missing.",
        "Write {{% end{g1} %}} where the part ends.",
    ),
    (
        r"end of template",
        "The template ends in the middle of a {{{{ }}}} or a {{% %}}.",
        "Look for the last {{{{ or {{% and close it.",
    ),
    (r"Missing end of comment", "A comment that begins with {{# is never closed.", "Close it with #}}."),
    (r"Missing end of raw", "{{% raw %}} is never closed.", "Close it with {{% endraw %}}."),
    (
        r"expected token 'end of print statement', got '(.*)'",
        "“{g1}” is one word too many inside {{{{ }}}}.",
        "A merge field is one word without blanks, such as first_name; a filter stands after a | sign.",
    ),
    (r"xpected an expression, got 'end of print", "{{{{ }}}} is empty.", "Write a merge field in it."),
    (r"expected token 'name', got 'end of print", "After the | stands no filter.", "Write one, such as |upper."),
    (r"end of statement block'$", "This tag is not complete.", "Compare it with the examples in templates/."),
    (
        r"expected token 'end of statement block', got '='|unexpected '='",
        "One = sets a value, and three mean nothing.",
        'To compare, write ==, as in {{% if city == "Paris" %}}.',
    ),
    (r"expected token 'end of statement block', got '(.*)'", "“{g1}” is not expected in this tag.", "Take it out."),
    (r"expected (?:token )?'(.*)', got '(.*)'", "Here should stand “{g1}”, but there is “{g2}”.", "Write “{g1}”."),
    (r"unexpected '(.*)', expected '(.*)'", "Here should stand “{g2}”, but there is “{g1}”.", "Write “{g2}”."),
    (r"unexpected '(.*)'", "“{g1}” is not expected here.", "Look for a bracket or a quotation mark that is missing."),
    (r"[Tt]ag name expected", "{{% %}} is empty.", "Write a tag in it, such as {{% if city %}}, or take it out."),
    (r"[Bb]lock '(.*)' defined twice", "The block “{g1}” stands here twice.", "Give each block a name of its own."),
    (r"extended multiple times", "The template has two {{% extends %}}.", "A template has one layout."),
    (r"an't assign to", "This name belongs to the template language.", "Choose another name."),
)
