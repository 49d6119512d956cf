"""The shapes of one session: which text with marks has which shape, laid out once, remembered in bounded memory."""

import html
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from campaigns.compose.cells import COMPUTED, ENCODED
from campaigns.compose.compare import Extremes
from campaigns.compose.compiled import Compiled
from campaigns.compose.found import Found
from campaigns.compose.images import ImageFolder
from campaigns.compose.inbox import runs_left
from campaigns.compose.layout import LaidOut, NeedsLiterals, lay_out
from campaigns.compose.leftovers import check_constants
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.compose.origin import Trace
from campaigns.compose.tags import TEXT, tokens
from campaigns.errors import TemplateError, Where
from campaigns.message.shape import Shape
from campaigns.model.finding import Finding

CACHE_BYTES = 16_000_000
MOST_REMEMBERED = 200_000  # shapes that are known again by their content after their text left the cache
_PUNCTUATION = re.compile(r"[^0-9A-Za-z \x80-\U0010ffff]")

Texts = tuple[str, str, str, str]  # subject, preheader, body, frame
Tracing = Callable[[], Trace | None]  # the row that is rendered just now, traced; None where that fails


@dataclass(slots=True)
class Kept:
    """What is known of one text with marks."""

    size: int
    shape: int = -1
    printed: tuple[int, ...] = ()  # the marks whose values the shape's slots take, in the order of the slots
    codes: tuple[int, ...] = ()  # by mark: whose value it is
    urls: tuple[int, ...] = ()  # slots that begin a link
    in_subject: tuple[int, ...] = ()  # marks that the subject holds
    subject: str = ""  # with a NUL for each of them
    subject_length: int = 0  # without them
    runs_left: bool = False  # the subject's own words run from right to left
    findings: tuple[Finding, ...] = ()
    literals: frozenset[int] = frozenset()  # not empty: these values belong to the text
    problem: TemplateError | None = None
    extremes: Extremes = field(default_factory=Extremes)


class Shapes:
    def __init__(self, compiled: Compiled, marks: Marks, images: ImageFolder, first: int, trace: Tracing) -> None:
        self._compiled = compiled
        self._trace = trace
        self._marks = marks
        self._images = images
        self._kept: dict[tuple[Texts, tuple[int, ...]], Kept] = {}
        self._bytes = 0
        self._numbers: dict[int, int] = {}  # hash of a shape -> its number
        self._rendered: Texts = ("", "", "", "")  # the last texts that were asked for, without literals
        self.next = first
        self.new: list[tuple[int, Shape]] = []  # since somebody took them

    def find(self, texts: Texts, codes: list[int], values: list[str]) -> tuple[Kept, Texts]:
        """The shape of a mail, and its texts if some values had to be written into them."""
        self._rendered = texts
        kept = self._one(texts, tuple(codes))
        for _ in range(3):
            if not kept.literals:
                return kept, texts
            texts = self._with_literals(texts, kept.literals, values)
            kept = self._one(texts, tuple(codes))
        raise TemplateError(
            "The mail cannot be laid out: a value stands where it changes the mail's structure.",
            where=Where(file=self._compiled.name),
            remedy="Use merge fields in texts, in links and in quoted attributes.",
        )

    def _one(self, texts: Texts, codes: tuple[int, ...]) -> Kept:
        key = (texts, codes)
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = self._laid_out(texts, codes)
            self._bytes += kept.size
            while self._bytes > CACHE_BYTES and self._kept:
                self._bytes -= self._kept.pop(next(iter(self._kept))).size
        self._kept[key] = kept  # what was used last stands last
        return kept

    def _laid_out(self, texts: Texts, codes: tuple[int, ...]) -> Kept:
        kept = Kept(sum(map(sys.getsizeof, texts)) + 16 * len(codes) + 1000, codes=codes)
        try:
            subject, preheader, body, frame = texts = self._checked(texts)
        except TemplateError as error:
            kept.problem = error
            return kept
        printed, slots = self._slots(texts, codes)
        is_markdown = self._compiled.kind is TemplateKind.MARKDOWN
        mail = MarkedMail(
            kind=self._compiled.kind,
            subject=subject,
            preheader=preheader,
            body=body,
            slots=slots,
            encoded=frozenset(number for number, code in enumerate(codes) if code == ENCODED),
            frame=frame if is_markdown else None,
            frame_kind=self._compiled.frame_kind,
        )
        kept.printed = printed
        try:
            made = lay_out(mail, self._marks, self._images)
        except TemplateError as error:
            kept.problem = self._placed_error(error)
            return kept
        if isinstance(made, NeedsLiterals):
            kept.literals = made.numbers
            return kept
        kept.shape = self._number(made)
        kept.urls = tuple(sorted(made.url_slots))
        kept.in_subject = tuple(map(int, self._marks.pattern.findall(subject)))
        kept.subject = self._marks.pattern.sub("\0", subject)
        kept.subject_length = len(kept.subject) - len(kept.in_subject)
        kept.runs_left = runs_left(kept.subject)
        kept.findings = self._placed((*made.findings, *check_constants(made.shape, self._compiled.survey.known)))
        return kept

    def _placed(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The findings that matter, with their places in the author's files."""
        findings = tuple(one for one in findings if one.code not in self._compiled.unsaid)
        trace = self._traced() if any(isinstance(one, Found) and one.words for one in findings) else None
        placed = [self._one_placed(one, trace) for one in findings]
        return tuple({(one.code, one.where): one for one in reversed(placed)}.values())[::-1]  # the first of a place

    def _one_placed(self, one: Finding, trace: Trace | None) -> Finding:
        where = None
        if isinstance(one, Found) and trace is not None:
            where = next(filter(None, (trace.where(words, one.nth) for words in _spellings(one.words))), None)
        place = str(where) if where is not None else self._compiled.name
        return Finding(one.code, one.severity, one.sentence, one.remedy, place, one.rows, one.first_rows)

    def _traced(self) -> Trace | None:
        """The trace, if it says what was rendered."""
        trace = self._trace()
        return trace if trace is not None and trace.texts == self._rendered else None

    def _checked(self, texts: Texts) -> Texts:
        """The texts without the words before |safe, which may stand between tags only."""
        word = f"{self._marks.nonce}safe"
        if not any(word in text for text in texts):
            return texts
        for text in texts[2:]:
            inside = [(token.start, token.end) for token in tokens(text) if token.kind != TEXT]
            for found in re.finditer(word, text):
                if any(start <= found.start() < end for start, end in inside):
                    raise TemplateError(
                        "|safe stands inside a tag, a style or a script.",
                        where=Where(file=self._compiled.name),
                        remedy="Take it out there: a value in an attribute needs none.",
                    )
        subject, preheader, body, frame = (text.replace(word, "") for text in texts)
        return subject, preheader, body, frame

    def _slots(self, texts: Texts, codes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Slots without gaps: fields in the order of the columns, then computed values in the order of printing."""
        there = sorted({int(number) for text in texts for number in self._marks.pattern.findall(text)})
        fields: dict[int, int] = {}
        for number in there:
            if codes[number] >= 0:
                fields.setdefault(codes[number], number)
        places = {code: place for place, code in enumerate(sorted(fields))}
        printed = [fields[code] for code in places]
        slots = [0] * len(codes)
        for number in there:
            code = codes[number]
            if code <= COMPUTED:
                slots[number] = len(printed)
                printed.append(number)
            else:
                slots[number] = places.get(code, code)
        return tuple(printed), tuple(slots)

    def _number(self, made: LaidOut) -> int:
        known = hash(made.shape)
        number = self._numbers.get(known)
        if number is None:
            number = self.next
            self.next += 1
            self.new.append((number, made.shape))
            if len(self._numbers) < MOST_REMEMBERED:
                self._numbers[known] = number
        return number

    def _with_literals(self, texts: Texts, numbers: frozenset[int], values: list[str]) -> Texts:
        subject, preheader, body, frame = texts

        def literal(found: re.Match[str]) -> str:
            number = int(found.group(1))
            return self._literal(values[number]) if number in numbers else found.group()

        pattern = self._marks.pattern
        return subject, preheader, pattern.sub(literal, body), pattern.sub(literal, frame)

    def _literal(self, value: str) -> str:
        if self._compiled.kind is TemplateKind.MARKDOWN:
            # No character of the value may mean something to Markdown.
            return _PUNCTUATION.sub(lambda found: f"&#{ord(found.group())};", value)
        return html.escape(value)

    def _placed_error(self, error: TemplateError) -> TemplateError:
        """Layout counts lines of the mail after Jinja; people look for the file's."""
        readable = self._marks.pattern.sub("…", error.source_line)
        where = Where(file=self._compiled.name)
        which = 3 if self._compiled.kind is TemplateKind.MARKDOWN else 2
        trace = self._traced() if error.where.line is not None else None
        if trace is not None:
            where = trace.line(which, error.where.line or 1, int(error.where.column or 1)) or where

        def of_line(found: re.Match[str]) -> str:
            place = trace.line(which, int(found[1]), 1) if trace is not None else None
            if place is None:
                return ""
            return f" of line {place.line}" + ("" if place.file == where.file else f" of {place.file}")

        sentence = re.sub(r" of line (\d+)", of_line, self._marks.pattern.sub("…", error.sentence))
        return TemplateError(sentence, where=where, remedy=error.remedy, source_line=readable)


def _spellings(words: str) -> tuple[str, ...]:
    """How an author may have written what stands on the page: with other entities, or as a link of Markdown."""
    as_link = re.sub(r'^href="(.*)"$', r"](\1)", words)
    return words, html.unescape(words), html.escape(words), as_link
