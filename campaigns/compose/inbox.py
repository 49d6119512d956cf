"""What an inbox shows of a mail before it is opened: the subject, and the words behind it."""

import html as entities
import re
from collections.abc import Iterator

from campaigns.compose.found import Found
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.compose.tags import CLOSE, OPEN, TEXT, VOID, Token
from campaigns.message.shape import Pieces
from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity

LONGEST_SUBJECT = 70  # characters; telephones show some 40, programs on a desk 60 to 70
LONGEST_PREHEADER = 110
_FEW = 5  # subjects; fewer tell nothing
_MOSTLY = 0.8  # of the subjects differ: then they are meant to differ
_REMEMBERED = 100_000  # subjects
_MOST_SHARED = 100  # subjects that are the same for several rows
_SOON = 500  # subjects, after which it is plain that they are not meant to differ

_HIDING = re.compile(r"display:\s*none|max-height\s*:\s*0(?![.\d])", re.IGNORECASE)
_DIRECTION = re.compile(r"\sdir=[\"']?(?:rtl|auto)|direction:\s*rtl", re.IGNORECASE)
# What MJML says of the whole page, each section takes back.
_SECTION_DIRECTION = re.compile(r"direction:\s*rtl|<(?!html|div aria)[^>]*\sdir=[\"']?(?:rtl|auto)", re.IGNORECASE)
_FILLER = re.compile(r"[\s\u034f\u00ad\u200b-\u200f\u2007\ufeff]+")
_DIGIT = re.compile(r"\d")
_LEFTWARDS = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # Hebrew, Arabic and their relatives
_RIGHTWARDS = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u052f]")  # Latin, Greek, Cyrillic


def check_preheader(mail: MarkedMail, marks: Marks, page: str, read: list[Token]) -> Iterator[Found]:
    """Whether there is one, in the front matter or hidden at the top of the page, and whether it helps."""
    if mail.kind is TemplateKind.TEXT:
        return
    hidden = "" if mail.preheader.strip() else _hidden_words(page, read)
    words = " ".join(mail.preheader.split()) or hidden
    if not words:
        yield Found(
            "no_preheader",
            Severity.WARNS,
            "The mail has no preheader: inboxes show its first words behind the subject.",
            "Write `preheader: ...` below the subject: a sentence that makes people open it.",
        )
    elif _by_slot(words, mail, marks) == _by_slot(mail.subject, mail, marks):
        yield Found(
            "preheader_is_subject",
            Severity.WARNS,
            "The preheader says the same as the subject, so inboxes show it twice.",
            "Say in the preheader what the subject does not.",
            words=words,
            nth=0 if hidden else 1,
        )
    elif (length := len(marks.pattern.sub("", words))) > LONGEST_PREHEADER:
        yield Found(
            "long_preheader",
            Severity.WARNS,
            f"The preheader has {length} characters, and inboxes show at most {LONGEST_PREHEADER}.",
            "Make it shorter, or begin with what matters.",
            words=words,
        )


def _by_slot(text: str, mail: MarkedMail, marks: Marks) -> str:
    return marks.pattern.sub(lambda mark: f"\0{mail.slots[int(mark[1])]}\0", " ".join(text.split())).casefold()


def _hidden_words(page: str, read: list[Token]) -> str:
    """What stands first in the body, if it is hidden there."""
    begin = next((at for at, token in enumerate(read) if token.kind == OPEN and token.name == "body"), len(read))
    depth, words = 0, ""
    for token in read[begin + 1 :]:
        if token.outlook:
            continue
        if token.kind == OPEN and token.name not in VOID:
            if depth or _HIDING.search(page, token.start, token.end):
                depth += 1
        elif token.kind == CLOSE and depth:
            depth -= 1
            if not depth and words:
                return words
        elif token.kind == TEXT and token.name != "title":
            text = _FILLER.sub(" ", entities.unescape(page[token.start : token.end])).strip()
            if text and not depth:
                return words
            words = f"{words} {text}".strip() if text else words
    return words


def check_direction(mail: MarkedMail, page: str, text: Pieces) -> Iterator[Found]:
    """Whether a page that is written from right to left says so."""
    words = "".join(piece for piece in text if isinstance(piece, str))
    if words.isascii() or len(_LEFTWARDS.findall(words)) <= len(_RIGHTWARDS.findall(words)):
        return
    is_mjml = TemplateKind.MJML in (mail.kind, mail.frame_kind if mail.frame else mail.kind)
    if not (_SECTION_DIRECTION if is_mjml else _DIRECTION).search(page):
        yield Found(
            "no_direction",
            Severity.WARNS,
            "The mail is written from right to left, and its page does not say so: lines begin on the wrong side.",
            'Write <mj-section direction="rtl">, and dir="rtl" on what stands in <mj-text>.'
            if is_mjml
            else 'Write dir="rtl" on <html> or around the text.',
        )


def runs_left(text: str) -> bool:
    """Whether some of it is written from right to left."""
    return not text.isascii() and _LEFTWARDS.search(text) is not None


def _first_letter(text: str) -> str:
    """The first one that has a direction: it decides for the whole line (Unicode Standard Annex 9, P2)."""
    return next((letter for letter in text if _LEFTWARDS.match(letter) or _RIGHTWARDS.match(letter)), "")


class Subjects:
    """Looks at each row's subject: too long, with a gap, and the same for two people though it holds a number."""

    def __init__(self, where: str) -> None:
        self._where = where  # file and line of `subject:`
        self._first: dict[int, int] = {}  # hash of a number that it prints -> the first row with it
        self._shared: dict[str, list[int]] = {}  # a number of several rows -> those rows
        self._seen = 0
        self._watches = True

    def is_plain(self, row: int, marks: tuple[int, ...], values: list[str], length: int) -> bool:
        """Whether `check` has nothing to say of this row, as of nearly all; `length` is the subject's without values."""
        for mark in marks:
            value = values[mark]
            if not value or runs_left(value):
                return False
            length += len(value)
            if self._watches and not value.isalpha():  # nearly all names pass here
                self._remember(row, value)
        return length <= LONGEST_SUBJECT

    def check(self, template: str, printed: list[str], length: int) -> Iterator[Finding]:
        """`template`: the subject with a NUL for each of the values `printed`; `length`: of the rest."""
        filled = _filled(template, printed)
        if length + sum(map(len, printed)) > LONGEST_SUBJECT:
            yield self._finding(
                "long_subject",
                f"The subject is longer than {LONGEST_SUBJECT} characters, and inboxes cut it off: “{filled}”.",
                "Make it shorter, or let it begin with what matters.",
            )
        if runs_left(_first_letter(filled)) != runs_left(_first_letter(template)) and _first_letter(template):
            yield self._finding(
                "mixed_direction",
                "A merge field makes the subject begin in the other direction, and mail programs then turn its order"
                f" around: “{filled}”.",
                "Let the subject begin with words of your own, and print the merge field further back.",
            )
        if not all(printed):
            if filled:
                yield self._finding(
                    "empty_in_subject",
                    f"A merge field in the subject is empty, so that it reads “{filled}”.",
                    'Give it a word of its own, {{ first_name|default("...") }}, or ask first: {% if first_name %}.',
                )
            else:
                yield self._finding("empty_subject", "The subject is empty.", _WITHOUT, Severity.LEAVES_OUT)

    def same(self) -> Iterator[Finding]:
        """Said when all rows have been seen: who shares a subject that was meant for one person."""
        if self._seen < _FEW or not self._shared or not self._meant_to_differ():
            return
        rows = sorted(row for some in self._shared.values() for row in some)
        number, some = next(iter(self._shared.items()))
        yield Finding(
            "same_subject",
            Severity.WARNS,
            f"Nearly every subject has a number of its own, but rows {_listed(some)} share {number}.",
            "Look whether the sheet has one invoice, order or booking twice.",
            self._where,
            len(rows),
            tuple(rows[:FIRST_ROWS]),
        )

    def _remember(self, row: int, value: str) -> None:
        if not _DIGIT.search(value):
            return
        self._seen += 1
        first = self._first.setdefault(hash(value), row)
        if first != row and len(self._shared) < _MOST_SHARED:
            self._shared.setdefault(value, [first]).append(row)
        if self._seen % _SOON == 0:
            self._watches = self._meant_to_differ() and len(self._first) < _REMEMBERED
            if not self._meant_to_differ():
                self._first, self._shared = {}, {}

    def _meant_to_differ(self) -> bool:
        return len(self._first) >= _MOSTLY * self._seen

    def _finding(self, code: str, sentence: str, remedy: str, severity: Severity = Severity.WARNS) -> Finding:
        return Finding(code, severity, sentence, remedy, self._where)


def _filled(template: str, printed: list[str]) -> str:
    parts = template.split("\0")
    words = [part + value for part, value in zip(parts, [*printed, ""], strict=True)]
    return " ".join("".join(words).split())


def _listed(rows: list[int]) -> str:
    return f"{', '.join(map(str, rows[:-1][:3]))} and {rows[-1]}"


_WITHOUT = "Fill the cell, or write words of your own beside the merge field."
