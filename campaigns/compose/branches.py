"""Which branches of a template the rows take: one byte is set for each as it runs, so that no row is looked at twice.

A branch that no row reaches was never seen by anybody: neither its words nor its merge fields were checked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

from campaigns.compose.mistakes import Chart
from campaigns.errors import Where
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

_LINES_BACK = 20  # that {% else %} is looked for
_EVERYWHERE = 0  # the place around all others, which every row reaches
# Conditions on these alone say nothing of the rows.
_NOT_OF_ROWS = frozenset(("view_url", "unsubscribe_url", "today", "campaign", "loop"))


@dataclass(frozen=True, slots=True)
class _Branch:
    around: int  # number of the branch, macro or block that it stands in
    template: str  # its compiled name
    line: int
    words: str = ""  # "The branch {% if city %}"; "" for what is no branch
    is_else: bool = False


@dataclass(slots=True)
class Branches:
    """All branches of the templates that were compiled so far, and which of them ran."""

    taken: bytearray = field(default_factory=lambda: bytearray(b"\1"))
    _all: list[_Branch] = field(default_factory=lambda: [_Branch(_EVERYWHERE, "", 0)])
    _numbers: dict[int, int] = field(default_factory=dict)  # by the id of a list of nodes, while it is compiled

    def watch(self, tree: nodes.Template, name: str) -> None:
        """Number what may run or not in a parsed template; `number` tells the compiler."""
        self._numbers.clear()
        self._walk(tree.body, name, _EVERYWHERE)

    def number(self, body: object) -> int | None:
        return self._numbers.get(id(body))

    def unreached(self, chart: Chart) -> Iterator[Finding]:
        """A Finding for each branch that no row took, if rows came by."""
        for number, branch in enumerate(self._all):
            if branch.words and not self.taken[number] and self.taken[branch.around]:
                where = _where(branch, chart)
                yield Finding(
                    "unreached_branch",
                    Severity.WARNS,
                    f"{branch.words} is taken by 0 rows: nobody gets what stands there, and no check has seen it.",
                    "Compare the condition with what the column holds, or take the branch out.",
                    str(where),
                )

    def _walk(self, body: list[nodes.Node], name: str, around: int) -> None:
        for node in body:
            if isinstance(node, nodes.If):
                self._if(node, name, around)
            elif isinstance(node, nodes.For):
                words = "" if _apart_from_rows(node.iter) else f"The loop {_said(node)}"
                self._add(node.body, _Branch(around, name, node.lineno, words))
                if node.else_:
                    words = words and f"The else of the loop {_said(node)}"
                    self._add(node.else_, _Branch(around, name, node.else_[0].lineno, words, is_else=True))
            elif isinstance(node, nodes.Macro | nodes.CallBlock | nodes.Block):
                self._add(node.body, _Branch(around, name, node.lineno))
            else:
                for inner in _bodies(node):
                    self._walk(inner, name, around)

    def _if(self, node: nodes.If, name: str, around: int) -> None:
        silent = True
        for one in (node, *node.elif_):
            silent = silent and _apart_from_rows(one.test)
            kind = "if" if one is node else "elif"
            words = "" if _apart_from_rows(one.test) else f"The branch {{% {kind} {_condition(one.test)} %}}"
            self._add(one.body, _Branch(around, name, one.lineno, words))
        if node.else_:
            words = "" if silent else f"The else branch of {{% if {_condition(node.test)} %}}"
            self._add(node.else_, _Branch(around, name, node.else_[0].lineno, words, is_else=True))

    def _add(self, body: list[nodes.Node], branch: _Branch) -> None:
        number = len(self._all)
        self._all.append(branch)
        self.taken.append(0)
        self._numbers[id(body)] = number
        self._walk(body, branch.template, number)


class WatchingCode(CodeGenerator):
    """Jinja's compiler, which also writes down at the start of each branch that it was taken."""

    def blockvisit(self, nodes: "list[nodes.Node]", frame: Frame) -> None:  # type: ignore[override]
        number = self.environment.branches.number(nodes)  # type: ignore[attr-defined]
        if number is not None:
            self.writeline(f"taken[{number}] = 1")
        super().blockvisit(nodes, frame)


def _where(branch: _Branch, chart: Chart) -> Where:
    where, text = chart.where(branch.template, branch.line)
    if branch.is_else:  # Jinja keeps no line of {% else %}: it stands before what is in it
        for line in range(branch.line, max(branch.line - _LINES_BACK, 0), -1):
            there, text = chart.where(branch.template, line)
            if re.search(r"\{%[-+]?\s*else\b", text):
                return there
    return where


def _bodies(node: nodes.Node) -> Iterator[list[nodes.Node]]:
    for _, value in node.iter_fields(only=("body",)):
        if isinstance(value, list):
            yield value


def _apart_from_rows(test: nodes.Node) -> bool:
    """Whether a condition has the same answer for everybody."""
    names = {test.name} if isinstance(test, nodes.Name) else set()
    names |= {name.name for name in test.find_all(nodes.Name)}
    return names <= _NOT_OF_ROWS


def _said(loop: nodes.For) -> str:
    return f"{{% for {_condition(loop.target)} in {_condition(loop.iter)} %}}"


_SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}


def _condition(node: nodes.Node) -> str:
    """A condition as its author may have written it; "..." for what is rare."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Const):
        return f'"{node.value}"' if isinstance(node.value, str) else str(node.value)
    if isinstance(node, nodes.Compare) and len(node.ops) == 1:
        return f"{_condition(node.expr)} {_SIGNS.get(node.ops[0].op, '...')} {_condition(node.ops[0].expr)}"
    if isinstance(node, nodes.Not):
        return f"not {_condition(node.node)}"
    if isinstance(node, nodes.And | nodes.Or):
        word = "and" if isinstance(node, nodes.And) else "or"
        return f"{_condition(node.left)} {word} {_condition(node.right)}"
    if isinstance(node, nodes.Filter) and node.node is not None:
        return f"{_condition(node.node)}|{node.name}"
    if isinstance(node, nodes.Test):
        return f"{_condition(node.node)} is {node.name}"
    return "..."
