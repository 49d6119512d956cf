"""Which merge fields a template uses, where, and which of them no column brings."""

from collections.abc import Iterable

from jinja2 import TemplateSyntaxError, meta, nodes

from campaigns.compose.mistakes import Chart, Mistake, Refused, did_you_mean
from campaigns.compose.source import resolved
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

OWN = ("unsubscribe_url", "view_url", "today", "row", "rows", "campaign")
_FUNCTIONS = ("range", "namespace", "dict")
_SPECIAL = ("loop", "self", "super", "caller", "varargs", "kwargs")
_DEFAULTS = ("default", "d")

_Place = tuple[str, int]  # compiled name, line


class Survey:
    """What was seen in all the parsed files of one template."""

    def __init__(self, fields: Iterable[str], files: dict[str, str]) -> None:
        self.known = [*fields, *OWN]
        self.used: dict[str, _Place] = {}  # name from the context -> where first
        self.printed: dict[str, _Place] = {}  # the same, where the mail below the subject prints it as it is
        self.filters: set[str] = set()
        self.missing: dict[str, _Place] = {}  # names that nothing brings, where nothing guards them
        self._blocks: dict[str, set[str]] = {}  # by file
        self._above: dict[str, str | None] = {}  # what a file extends
        self._files = files

    def check(self, tree: nodes.Template, name: str) -> None:
        """Take a parsed file in; refuses what no template may use, and gives imported macros what they need."""
        self._refuse(tree, name)
        free = _free(tree, name)
        self._blocks[name] = {block.name for block in tree.find_all(nodes.Block)}
        extends = tree.find(nodes.Extends)
        self._above[name] = self._file(extends, name) if extends is not None else None
        _Walk(self, name, free).visit(tree, frozenset())
        imports: list[nodes.Import | nodes.FromImport] = [
            *tree.find_all(nodes.Import),
            *tree.find_all(nodes.FromImport),
        ]
        for node in imports:
            node.with_context = self._needs_context(node, tree, name)

    def has_block(self, block: str, file: str) -> bool:
        """Whether a layout, or one that it extends, has a block of this name."""
        above: str | None = file
        for _ in self._above:
            if above is not None and block in self._blocks.get(above, ()):
                return True
            above = self._above.get(above or "")
        return False

    def unknown(self, chart: Chart) -> list[Finding]:
        """A Finding for each name that no column and no own field has."""
        findings = []
        for name, (compiled, line) in self.missing.items():
            where, source_line = chart.where(compiled, line, name)
            findings.append(
                Finding(
                    code="unknown_field",
                    severity=Severity.STOPS,
                    sentence=f"There is no merge field “{name}”. It stands here: {source_line}",
                    remedy=did_you_mean(name, self.known),
                    where=str(where),
                )
            )
        return findings

    def _refuse(self, tree: nodes.Template, name: str) -> None:
        environment = tree.environment
        assert environment is not None
        for node in tree.find_all(nodes.ScopedEvalContextModifier):
            raise Refused(
                name,
                node.lineno,
                Mistake("{% autoescape %} is not available.", "Values are always escaped where they stand."),
            )
        for filter_ in tree.find_all(nodes.Filter):
            self.filters.add(filter_.name)
            if filter_.name not in environment.filters:
                remedy = did_you_mean(filter_.name, environment.filters)
                raise Refused(
                    name, filter_.lineno, Mistake(f"There is no filter |{filter_.name}.", remedy, filter_.name)
                )
        for test in tree.find_all(nodes.Test):
            if test.name not in environment.tests:
                remedy = did_you_mean(test.name, environment.tests)
                raise Refused(name, test.lineno, Mistake(f"There is no test “is {test.name}”.", remedy, test.name))
        for user in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            target = getattr(user, "template", None)
            if not (isinstance(target, nodes.Const) and isinstance(target.value, str)):
                raise Refused(
                    name,
                    user.lineno,
                    Mistake(
                        "The name of a layout or block is fixed.",
                        'Write it in quotes, {% include "footer.html" %}, and choose with {% if %}.',
                    ),
                )

    def _needs_context(self, node: nodes.Import | nodes.FromImport, tree: nodes.Template, name: str) -> bool:
        """Macros that print merge fields need the row; others are loaded once for all rows."""
        file = self._file(node, name)
        if file is None or tree.environment is None:
            return False
        other = tree.environment.parse(self._files[file], file, file)
        only_macros = all(isinstance(part, nodes.Macro) or _is_blank(part) for part in other.body)
        return not only_macros or bool(_free(other, file))

    def _file(self, user: nodes.Extends | nodes.Import | nodes.FromImport, name: str) -> str | None:
        assert isinstance(user.template, nodes.Const)
        return resolved(user.template.value, name.partition("#")[0], self._files)


class _Walk:
    """Notes each name that comes from the context, with what guards it."""

    def __init__(self, survey: Survey, name: str, free: set[str]) -> None:
        self._survey = survey
        self._name = name
        self._free = free

    def visit(self, node: nodes.Node, guarded: frozenset[str]) -> None:
        if isinstance(node, nodes.Name):
            self._note(node, guarded)
        elif isinstance(node, nodes.Filter) and node.name in _DEFAULTS and isinstance(node.node, nodes.Name):
            self._guarded(node, node.node.name, guarded)
        elif isinstance(node, nodes.Test) and node.name in ("defined", "undefined", "empty"):
            self._guarded(node, getattr(node.node, "name", ""), guarded)
        elif isinstance(node, nodes.If):
            self.visit(node.test, guarded)
            self._all(node.body, guarded | _defined(node.test))
            self._all([*node.elif_, *node.else_], guarded | _undefined(node.test))
        elif isinstance(node, nodes.CondExpr):
            self.visit(node.test, guarded)
            self.visit(node.expr1, guarded | _defined(node.test))
            if node.expr2 is not None:
                self.visit(node.expr2, guarded | _undefined(node.test))
        elif isinstance(node, nodes.And):
            self.visit(node.left, guarded)
            self.visit(node.right, guarded | _defined(node.left))
        else:
            if isinstance(node, nodes.Output):
                self._printed(node)
            self._all(node.iter_child_nodes(), guarded)

    def _all(self, children: Iterable[nodes.Node], guarded: frozenset[str]) -> None:
        for child in children:
            self.visit(child, guarded)

    def _guarded(self, node: nodes.Node, name: str, guarded: frozenset[str]) -> None:
        self._all(node.iter_child_nodes(), guarded | {name})

    def _note(self, node: nodes.Name, guarded: frozenset[str]) -> None:
        if node.ctx != "load" or node.name not in self._free:
            return
        survey = self._survey
        place = (self._name, node.lineno)
        survey.used.setdefault(node.name, place)
        if node.name not in guarded and node.name not in survey.known:
            survey.missing.setdefault(node.name, place)

    def _printed(self, output: nodes.Output) -> None:
        for child in output.nodes:
            if isinstance(child, nodes.Name) and child.name in self._free and not self._name.endswith("#subject"):
                self._survey.printed.setdefault(child.name, (self._name, child.lineno))


def _defined(test: nodes.Node) -> frozenset[str]:
    """The names that exist where `test` holds."""
    if isinstance(test, nodes.Test) and test.name == "defined" and isinstance(test.node, nodes.Name):
        return frozenset({test.node.name})
    if isinstance(test, nodes.And):
        return _defined(test.left) | _defined(test.right)
    if isinstance(test, nodes.Not):
        return _undefined(test.node)
    return frozenset()


def _undefined(test: nodes.Node) -> frozenset[str]:
    """The names that exist where `test` does not hold."""
    if isinstance(test, nodes.Test) and test.name in ("undefined", "empty") and isinstance(test.node, nodes.Name):
        return frozenset({test.node.name})
    if isinstance(test, nodes.Or):
        return _undefined(test.left) | _undefined(test.right)
    if isinstance(test, nodes.Not):
        return _defined(test.node)
    return frozenset()


def _free(tree: nodes.Template, name: str) -> set[str]:
    """The names that the file takes from outside."""
    try:
        return meta.find_undeclared_variables(tree) - {*_FUNCTIONS, *_SPECIAL}
    except TemplateSyntaxError as error:
        error.name = name  # Jinja compiles it under a name of its own here
        raise


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(child, nodes.TemplateData) and not child.data.strip() for child in node.nodes
    )
