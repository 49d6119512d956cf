"""Where in the author's files the words of a rendered mail stand.

Layout sees the mail after Jinja, whose lines are not the file's. So the row is run once more, when there is something
to say, through a template that also writes down where each piece of its text comes from.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import nodes

from campaigns.compose.marked import Marks
from campaigns.compose.mistakes import Chart
from campaigns.errors import Where


@dataclass(slots=True)
class Origins:
    """Numbers the pieces of text of a template that is compiled to be traced."""

    marks: Marks
    pieces: list[tuple[str, int]] = field(default_factory=list)  # compiled name, line

    def note(self, tree: nodes.Template, name: str) -> None:
        """Put a mark with the place before each piece of text."""
        for output in list(tree.find_all(nodes.Output)):
            marked: list[nodes.Expr] = []
            for node in output.nodes:
                if isinstance(node, nodes.TemplateData):
                    word = f"{self.marks.nonce}o{len(self.pieces)}z"
                    self.pieces.append((name, node.lineno))
                    marked.append(nodes.TemplateData(word, lineno=node.lineno, environment=tree.environment))
                marked.append(node)
            output.nodes = marked


class Trace:
    """The rendered texts of one row, with the file and line that each character comes from."""

    def __init__(self, traced: Sequence[str], origins: Origins, chart: Chart) -> None:
        self._chart = chart
        self._mark = origins.marks.pattern
        self._texts: list[str] = []
        self._begins: list[list[tuple[int, str, int]]] = []  # offset, compiled name, line
        for text in traced:
            self._take(text, origins)

    @property
    def texts(self) -> tuple[str, ...]:
        """What was rendered, as it is without the trace."""
        return tuple(self._texts)

    def where(self, words: str, nth: int = 0) -> Where | None:
        """The line and column of the `nth` place where `words` stand, or of the last; None where they stand nowhere."""
        found = None
        for text, begins in zip(self._texts, self._begins, strict=True):
            at = text.find(words) if words.strip() else -1
            while at >= 0:
                found = text, begins, at
                if nth == 0:
                    return self._place(*found, words)
                nth -= 1
                at = text.find(words, at + len(words))
        return self._place(*found, words) if found is not None else None

    def line(self, which: int, line: int, column: int) -> Where | None:
        """The place of a line and column of one of the texts."""
        text, lines = self._texts[which], self._texts[which].split("\n")
        if line > len(lines):
            return None
        at = sum(len(one) + 1 for one in lines[: line - 1]) + min(column - 1, len(lines[line - 1]))
        return self._place(text, self._begins[which], at, lines[line - 1][column - 1 :])

    def _place(self, text: str, begins: list[tuple[int, str, int]], at: int, words: str) -> Where | None:
        place = bisect_right(begins, at, key=lambda begin: begin[0]) - 1
        if place < 0:
            return None
        offset, name, line = begins[place]
        where, _ = self._chart.where(name, line + text.count("\n", offset, at))
        assert where.line is not None
        return Where(file=where.file, line=where.line, column=self._column(where, words.partition("\n")[0]))

    def _column(self, where: Where, words: str) -> str | None:
        """Where the words, or what stands before their first merge field, begin in the author's line."""
        file = next(file for file, name in self._chart.named.items() if name == where.file)
        lines = self._chart.files[file].split("\n")
        start = self._mark.split(words)[0]
        if not start or where.line is None or where.line > len(lines):
            return None
        at = lines[where.line - 1].find(start)
        return str(at + 1) if at >= 0 else None

    def _take(self, traced: str, origins: Origins) -> None:
        pieces = re.split(rf"{origins.marks.nonce}o(\d+)z", traced)
        begins, at = [], len(pieces[0])
        for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            begins.append((at, *origins.pieces[int(number)]))
            at += len(piece)
        self._texts.append("".join(pieces[::2]))
        self._begins.append(begins)
