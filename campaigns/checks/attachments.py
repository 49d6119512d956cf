"""Is a file fit to travel, and does it travel to the right person? Findings about attachments.

The worst accident of a mail merge is somebody else's file in one's mail. What points to it stops the campaign, so that no
`--yes` passes over it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import PurePosixPath

from campaigns.message.attachment import Attachment, encoded_size
from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity

MOST_BYTES = {"sendgrid": 30_000_000}  # of a whole mail, as its transport documents it
MOST_BYTES_SMTP = 25_000_000  # what mail servers commonly take; a rehearsal counts as they do
HEAVY_FROM = 10_000_000  # bytes of a whole mail: some servers of recipients refuse larger ones
_REST_OF_MAIL = 200_000  # bytes set aside for headers, text and HTML

# ruff: noqa: SIM905 - a list of endings reads better as words

# Endings that Gmail and Outlook refuse, whatever is in the file.
_DANGEROUS = frozenset(
    (
        ".ade .adp .apk .app .appx .appxbundle .bat .cab .chm .cmd .com .cpl .diagcab .diagcfg .diagpkg .dll .dmg .ex "
        ".ex_ .exe .gadget .hta .img .ins .iso .isp .jar .jnlp .js .jse .lib .lnk .mde .mjs .msc .msi .msix .msixbundle "
        ".msp .mst .nsh .pif .ps1 .psc1 .reg .scf .scr .sct .shb .shs .sys .url .vb .vbe .vbs .vhd .vhdx .vxd .wsc .wsf "
        ".wsh .xll"
    ).split()
)
_PROGRAMS = (b"MZ", b"\x7fELF")  # how programs begin, whatever their ending
_WORD = re.compile(r"[^\W_]+")
_WORDS_IN_VALUE = 4  # a value of more words is no name that a file carries
_SHORTEST = 3  # letters of a value that tells people apart


def most_bytes(kinds: Collection[str]) -> int:
    """How many bytes a mail may have, files encoded, on each of some kinds of transports."""
    return min((MOST_BYTES.get(kind, MOST_BYTES_SMTP) for kind in kinds), default=MOST_BYTES_SMTP)


def largest_file(kinds: Collection[str]) -> int:
    """Bytes of the largest file that fits into a mail by itself."""
    return (most_bytes(kinds) - _REST_OF_MAIL) * 3 // 4 * 76 // 78


def check_file(one: Attachment, first: bytes, *, personal: bool, kinds: Collection[str]) -> Iterator[Finding]:
    """What is wrong with one file; `first` are its first bytes. What cannot be sent leaves its row out, or stops."""
    severity = refusal(personal)
    suffix = PurePosixPath(one.name.rstrip(". ")).suffix.lower()
    if suffix in _DANGEROUS or first.startswith(_PROGRAMS):
        yield Finding(
            "dangerous_file",
            severity,
            f"“{one.name}” is of a kind that mail providers refuse: it could be a program.",
            "Send a link to it, or another format, like PDF.",
            PLACE,
        )
    if not one.size and "sendgrid" in kinds:
        yield Finding(
            "empty_file", severity, f"“{one.name}” is empty, and SendGrid takes no empty file.", _EMPTY_REMEDY, PLACE
        )
    elif not one.size:
        yield Finding("empty_file", Severity.WARNS, f"“{one.name}” is empty.", _EMPTY_REMEDY, PLACE)
    if "sendgrid" in kinds and re.search("[;,]", one.name):
        yield Finding(
            "sendgrid_file_name",
            Severity.WARNS,
            f"“{one.name}” holds a comma or a semicolon, which SendGrid does not take: an underscore takes its place.",
            "Rename the file if that matters.",
            PLACE,
        )


def too_large(name: str, *, personal: bool, kinds: Collection[str]) -> Finding:
    """A file that fits into no mail."""
    return Finding(
        "file_too_large",
        refusal(personal),
        f"“{name}” is larger than {largest_file(kinds) // 100_000 / 10:g} MB: no mail server takes it.",
        "Make it smaller, or send a link to it.",
        PLACE,
    )


def check_weight(
    files: Sequence[Attachment], images: int, *, personal: bool, kinds: Collection[str]
) -> Iterator[Finding]:
    """Whether the mail is too heavy with all of its files and so many bytes of pictures."""
    weight = sum(encoded_size(one.size) for one in files) + encoded_size(images)
    most = most_bytes(kinds)
    if weight > most - _REST_OF_MAIL:
        yield Finding(
            "mail_too_large",
            refusal(personal),
            f"The files of one mail make it {weight / 1_000_000:.1f} MB as it is sent; {most // 1_000_000} MB are taken.",
            "Attach fewer or smaller files, or send links to them.",
            PLACE,
        )
    elif weight > HEAVY_FROM:
        yield Finding(
            "heavy_mail",
            Severity.WARNS,
            "The files make a mail larger than 10 MB as it is sent: some servers refuse that.",
            "Attach smaller files, or send links to them.",
            PLACE,
        )


def refusal(personal: bool) -> Severity:
    """What cannot be sent leaves out the row that it is for; one that is for all stops the campaign."""
    return Severity.LEAVES_OUT if personal else Severity.STOPS


@dataclass(slots=True)
class Guard:
    """Looks over all rows for somebody else's file. Memory grows with the rows that have personal files.

    `add` each row with its files; then `look` at every row of the sheet, whoever gets a mail; then ask for `findings`.
    """

    _first: dict[str, tuple[int, int]] = field(default_factory=dict)  # by hash: the person and the row that get it
    _twice: dict[str, list[int]] = field(default_factory=dict)  # by hash: all rows, where there are several
    _named: list[tuple[int, str, frozenset[str]]] = field(default_factory=list)  # row, name, what its words could be
    _holders: dict[str, list[int]] = field(default_factory=dict)  # by value: the first rows that have it, two at most
    _example: str = ""
    _without: list[int] = field(default_factory=list)
    _rows_without: int = 0
    _rows_with: int = 0

    def add(self, row: int, personal: Sequence[Attachment], *, person: int, any_own: bool) -> None:
        """A row that gets a mail, whose it is, and the files in whose name a value of the row stands."""
        if any_own:
            self._rows_with += 1
        else:
            self._rows_without += 1
            if len(self._without) < FIRST_ROWS:
                self._without.append(row)
        for one in personal:
            other, earlier = self._first.setdefault(one.sha256, (person, row))
            if other != person and one.size:
                rows = self._twice.setdefault(one.sha256, [earlier])
                if rows[-1] != row:
                    rows.append(row)
                self._example = self._example or one.name
            runs = _runs(PurePosixPath(one.name).stem)
            self._named.append((row, one.name, runs))
            for run in runs:
                self._holders.setdefault(run, [])

    @property
    def watches(self) -> bool:
        """Whether there are names to compare with every row."""
        return bool(self._named)

    def look(self, row: int, values: Sequence[str]) -> None:
        """A row of the sheet: the values that tell its person from others, the address among them."""
        for value in {whole for text in values if (whole := _whole(text))}:
            holders = self._holders.get(value)
            if holders is not None and len(holders) < 2 and row not in holders:
                holders.append(row)

    def findings(self) -> Iterator[Finding]:
        if self._twice:
            rows = sorted({row for rows in self._twice.values() for row in rows})
            pair = next(iter(self._twice.values()))
            yield Finding(
                "same_file",
                Severity.STOPS,
                f"Different people would get the same personal file: “{self._example}” goes to rows {pair[0]} and {pair[1]}.",
                "Correct the cells. If the file is meant for several people, say so: {{ file|shared }}.",
                PLACE,
                len(rows),
                tuple(rows[:FIRST_ROWS]),
            )
        foreign = [(row, name, other) for row, name, runs in self._named if (other := self._whose(row, runs))]
        if foreign:
            row, name, other = foreign[0]
            rows = sorted({row for row, _, _ in foreign})
            yield Finding(
                "others_file",
                Severity.STOPS,
                f"A file's name points to somebody else: row {row} would get “{name}”, which names row {other}.",
                "Correct the cells, or rename the file. If it is meant for several people, say so: {{ file|shared }}.",
                PLACE,
                len(rows),
                tuple(rows[:FIRST_ROWS]),
            )
        if self._rows_with and self._rows_without:
            yield Finding(
                "without_file",
                Severity.WARNS,
                "Some people get no file where others get one.",
                "Look at the condition in attachments: whether it is meant so.",
                PLACE,
                self._rows_without,
                tuple(self._without),
            )

    def _whose(self, row: int, runs: frozenset[str]) -> int | None:
        """The one other row that a name points to, unless it points to its own row as well, and with other words."""
        told = {run: holders[0] for run in runs if len(holders := self._holders[run]) == 1}
        own = [run for run, holder in told.items() if holder == row]
        others = [
            holder for run, holder in told.items() if holder != row and all(f"-{run}-" in f"-{mine}-" for mine in own)
        ]
        return min(others, default=None)


def _runs(text: str) -> frozenset[str]:
    """What a value could read like within a name: up to four of its words in a row."""
    words = _words(text)
    spans = [(a, b) for a, b in combinations(range(len(words) + 1), 2) if b - a <= _WORDS_IN_VALUE]
    return frozenset(run for a, b in spans if len(run := "-".join(words[a:b])) >= _SHORTEST)


def _whole(text: str) -> str:
    """A value as `_runs` writes it; "" where it is too short or too long to tell people apart."""
    if len(text) > 100:
        return ""
    words = _words(text)
    return "-".join(words) if len(words) <= _WORDS_IN_VALUE and sum(map(len, words)) >= _SHORTEST else ""


def _words(text: str) -> list[str]:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return _WORD.findall(plain.casefold())


PLACE = "attachments"
_EMPTY_REMEDY = "Look whether it was saved."
