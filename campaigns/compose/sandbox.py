"""Jinja with everything taken away that a mail does not need.

Columns are data from outside and templates are edited by anyone, so nothing is reachable but texts, numbers, dates,
lists and the names given here. Time and memory are bounded by the process (`child.py`), sizes here.
"""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

import types
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.loaders import DictLoader
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from campaigns.compose.branches import Branches, WatchingCode
from campaigns.compose.cells import Cell, RowCells, value_of
from campaigns.compose.fields import Survey
from campaigns.compose.filters import LONGEST, TESTS, filters_for, replaced
from campaigns.compose.holes import Captured, Holes, OwnUrl
from campaigns.compose.mistakes import Mistake, NoField, did_you_mean
from campaigns.compose.origin import Origins
from campaigns.compose.source import resolved
from campaigns.compose.speech import Speech

MOST_TURNS = 100_000  # of range()
_BITS = 4096  # of an integer

# ruff: noqa: SIM905 - a list of names reads better as words
_STR = frozenset(
    (
        "capitalize casefold count endswith find index isalpha isdigit isnumeric isspace istitle isupper "
        "islower isalnum join lower lstrip partition removeprefix removesuffix replace rfind rpartition "
        "rsplit rstrip split splitlines startswith strip swapcase title upper"
    ).split()
)
_METHODS: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, _STR),
    ((list, tuple), frozenset({"count", "index"})),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (
        LoopContext,
        frozenset(
            ("index index0 revindex revindex0 first last length depth depth0 previtem nextitem cycle changed").split()
        ),
    ),
    (BlockReference, frozenset({"super"})),
)
_CALLABLE = (Macro, BlockReference, LoopContext, types.BuiltinMethodType, types.MethodType)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """One of the two environments of a session: for HTML-like bodies, or for plain text and subjects."""

    # Intercepting also keeps the compiler from working these out while it compiles.
    intercepted_binops = frozenset({"*", "**", "%"})
    code_generator_class = WatchingCode

    def __init__(
        self,
        files: dict[str, str],
        holes: Holes,
        speech: Speech,
        survey: Survey,
        *,
        branches: Branches,
        origins: Origins | None,
        is_text: bool,
    ) -> None:
        super().__init__(
            loader=DictLoader(files),
            autoescape=True,
            undefined=_unknown(survey.known),
            finalize=holes.put,
            optimized=False,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            auto_reload=False,
        )
        self.is_text = is_text
        self.files = files
        self.holes = holes
        self.check = survey.check
        self.branches = branches
        self.origins = origins
        self.filters = filters_for(holes, speech, is_text)
        self.tests = dict(TESTS)
        self.functions: dict[str, Callable[..., Any]] = {"range": _range, "namespace": Namespace, "dict": dict}
        self.globals = dict(self.functions)

    # --- compiling ---

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        self.check(tree, name or "")
        if self.origins is not None:
            self.origins.note(tree, name or "")
        return tree

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Finished text becomes `Captured`; `put` escapes, so the compiler's own escaping has nothing left to do."""
        self.branches.watch(source, name or "")
        code = super()._generate(source, name, filename, defer_init)
        first, end, rest = code.partition("\n")
        ours = (
            "Markup = environment.holes.captured; markup_join = environment.holes.captured_join; escape = str; "
            "taken = environment.branches.taken"
        )
        return f"{first}; {ours}{end}{rest}"

    def join_path(self, template: str, parent: str) -> str:
        return resolved(template, parent, self.files) or template

    # --- running ---

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Captured):
            obj._refused()
        if isinstance(obj, Cell):
            raise Mistake(_no_method(obj, attribute), f"Use a filter, such as |{_filter_for(attribute)}.", obj._field)
        if isinstance(obj, OwnUrl):
            obj._refused()
        if isinstance(obj, RowCells):
            return obj[attribute] if attribute in obj._columns else self.undefined(name=attribute)
        if attribute.startswith("_"):
            raise Mistake(f"{attribute} is closed to templates.", "Use merge fields and filters.", attribute)
        if isinstance(obj, TemplateReference | dict) and attribute not in ("get", "items", "keys", "values"):
            return self._item(obj, attribute)
        if isinstance(obj, Namespace):
            return self._item(obj._Namespace__attrs, attribute)
        if isinstance(obj, types.ModuleType) or type(obj).__name__ == "TemplateModule":
            return obj.__dict__[attribute] if attribute in obj.__dict__ else self.undefined(obj=None, name=attribute)
        for kinds, names in _METHODS:
            if isinstance(obj, kinds) and attribute in names:
                if isinstance(obj, str) and attribute == "replace":
                    return types.MethodType(replaced, str(obj))
                return getattr(obj, attribute)
        if isinstance(obj, self.undefined):
            str(obj)
        raise Mistake(f"“.{attribute}” is not available in templates.", "Use merge fields and filters.", attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str) and not isinstance(obj, dict):
            return self.getattr(obj, argument)
        if isinstance(obj, Captured):
            obj._refused()
        if isinstance(obj, str | list | tuple | dict | range | Cell):
            return self._item(obj, value_of(argument))
        if isinstance(obj, self.undefined):
            str(obj)
        raise Mistake("There are no parts in this that a number could name.", "[0] works with lists and texts.")

    def _item(self, obj: Any, key: Any) -> Any:
        try:
            return obj[key]
        except (LookupError, TypeError):
            return self.undefined(f"There is no part {key!r} in this.", name=str(key))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        if isinstance(__obj, __self.undefined | Cell | OwnUrl):
            __obj()
        if not (isinstance(__obj, _CALLABLE) or __obj in __self.functions.values()):
            raise Mistake("This cannot be called.", "Brackets stand behind macros only.")
        if isinstance(__obj, types.BuiltinMethodType) and any(isinstance(arg, Captured) for arg in args):
            args[0]._refused()
        made = __context.call(__obj, *args, **kwargs)
        return __self.holes.captured(made) if isinstance(made, str) and hasattr(made, "__html__") else made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        left_value, right_value = value_of(left), value_of(right)
        both = (left_value, right_value)
        if all(isinstance(value, int | float) for value in both):
            _bound(operator, left_value, right_value)
            return self.binop_table[operator](left_value, right_value)
        if operator == "*" and any(isinstance(value, int) for value in both):
            times, text = both if isinstance(left_value, int) else both[::-1]
            if isinstance(text, str | list | tuple) and not isinstance(text, Captured) and not _has_cell(left, right):
                if len(text) * times > LONGEST // 10:
                    raise Mistake("This repeats a text too often.", "Make it shorter.")
                return text * times
        for thing, value in ((left, left_value), (right, right_value)):
            if isinstance(value, self.undefined):
                str(value)
            if isinstance(thing, OwnUrl):
                thing._refused()
            if isinstance(thing, Cell) and isinstance(value, str):
                float(thing)  # says which field is no number
        raise Mistake(f"{operator} works with numbers only.", "To put texts together, write ~ between them.")


def _has_cell(*things: Any) -> bool:
    return any(isinstance(thing, Cell) for thing in things)


def _bound(operator: str, left: Any, right: Any) -> None:
    """Numbers stay numbers that a mail could print."""
    too_large = False
    if operator == "**":
        too_large = abs(right) > 1000 or (isinstance(left, int) and left.bit_length() * abs(right) > _BITS)
    elif operator == "*" and isinstance(left, int) and isinstance(right, int):
        too_large = left.bit_length() + right.bit_length() > _BITS
    if too_large:
        raise Mistake("This number is too large.", "Check the sum that stands here.")


def _range(*bounds: Any) -> range:
    numbers = range(*(int(bound) for bound in bounds))
    try:
        turns = len(numbers)
    except OverflowError:
        turns = MOST_TURNS + 1
    if turns > MOST_TURNS:
        raise Mistake(f"range() counts to {MOST_TURNS} at most.", "Make it shorter.", "range")
    return numbers


def _unknown(names: list[str]) -> type[StrictUndefined]:
    """Jinja's undefined, which knows what there is."""

    class Unknown(StrictUndefined):
        __slots__ = ()

        @property
        def _undefined_message(self) -> str:  # Jinja asks for it when it is about to raise
            name = str(self._undefined_name)
            if self._undefined_hint:
                raise Mistake(self._undefined_hint, "Ask first: {% if ... is defined %}.", name)
            raise NoField(f"There is no merge field “{name}”.", did_you_mean(name, names), name)

    return Unknown


def _no_method(cell: Cell, attribute: str) -> str:
    return f"{cell._field}.{attribute} does not exist: a merge field has no parts."


def _filter_for(attribute: str) -> str:
    like: Mapping[str, str] = {"strip": "trim", "format": "number", "strftime": "date", "year": "date('yyyy')"}
    known = ("upper", "lower", "title", "capitalize", "replace", "split", "length", "date", "join", "round")
    return like.get(attribute, attribute if attribute in known else "upper")
