"""The shapes of one session: which text with marks has which shape, laid out once, remembered in bounded memory."""

import html
import re
import sys
from dataclasses import dataclass, field, replace

from campaigns.compose.cells import COMPUTED, ENCODED
from campaigns.compose.compare import Extremes
from campaigns.compose.compiled import Compiled
from campaigns.compose.images import ImageFolder
from campaigns.compose.layout import LaidOut, NeedsLiterals, lay_out
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.compose.tags import TEXT, tokens
from campaigns.errors import TemplateError, Where
from campaigns.message.shape import Shape
from campaigns.model.finding import Finding

CACHE_BYTES = 16_000_000
MOST_REMEMBERED = 200_000  # shapes that are known again by their content after their text left the cache
_PUNCTUATION = re.compile(r"[^0-9A-Za-z \x80-\U0010ffff]")

Texts = tuple[str, str, str, str]  # subject, preheader, body, frame


@dataclass(slots=True)
class Kept:
    """What is known of one text with marks."""

    size: int
    shape: int = -1
    printed: tuple[int, ...] = ()  # the marks whose values the shape's slots take, in the order of the slots
    urls: tuple[int, ...] = ()  # slots that begin a link
    findings: tuple[Finding, ...] = ()
    literals: frozenset[int] = frozenset()  # not empty: these values belong to the text
    problem: TemplateError | None = None
    extremes: Extremes = field(default_factory=Extremes)


class Shapes:
    def __init__(self, compiled: Compiled, marks: Marks, images: ImageFolder, first: int) -> None:
        self._compiled = compiled
        self._marks = marks
        self._images = images
        self._kept: dict[tuple[Texts, tuple[int, ...]], Kept] = {}
        self._bytes = 0
        self._numbers: dict[int, int] = {}  # hash of a shape -> its number
        self.next = first
        self.new: list[tuple[int, Shape]] = []  # since somebody took them

    def find(self, texts: Texts, codes: list[int], values: list[str]) -> tuple[Kept, Texts]:
        """The shape of a mail, and its texts if some values had to be written into them."""
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
        kept = Kept(sum(map(sys.getsizeof, texts)) + 16 * len(codes) + 1000)
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
        kept.findings = tuple(replace(one, where=self._place(one.where)) for one in made.findings)
        return kept

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

    def _place(self, where: str) -> str:
        """Layout counts lines of the mail after Jinja, which are not the file's."""
        return self._compiled.name if not where or where.startswith("line ") else where

    def _placed_error(self, error: TemplateError) -> TemplateError:
        readable = self._marks.pattern.sub("…", error.source_line)
        line = self._line_of(readable)
        return TemplateError(
            self._marks.pattern.sub("…", error.sentence),
            where=Where(file=self._compiled.name, line=line),
            remedy=error.remedy,
            source_line=readable,
        )

    def _line_of(self, source_line: str) -> int | None:
        """The line of the template's file that a rendered line came from, if that is plain to see."""
        if not source_line.strip():
            return None
        parts = [re.escape(part) for part in source_line.strip().split("…")]
        lines = self._compiled.chart.files[self._compiled.file].splitlines()
        found = [number for number, line in enumerate(lines, 1) if re.search(r"\{\{.*\}\}".join(parts), line)]
        return found[0] if len(found) == 1 else None
