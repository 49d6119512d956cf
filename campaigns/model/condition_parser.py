"""Reading conditions: text to tokens to the tree of `condition.py`. Only ConditionError comes out of it."""

import re
from dataclasses import dataclass
from datetime import date

from campaigns.errors import ConditionError, Where
from campaigns.model.condition import And, Comparison, Condition, Not, Operator, Or, Value

LONGEST = 4_000  # characters
DEEPEST = 32  # brackets and `not`s inside each other
EXAMPLE = "Write it like country = 'DE' and plan != 'free'."

_TOKEN = re.compile(
    r"""
      (?P<text>  '(?:[^']|'')*'  |  "(?:[^"]|"")*" )
    | (?P<date>  [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} (?![\w.-]) )
    | (?P<number> -?[0-9]{1,30}(?:\.[0-9]{1,30})? (?![\w.]) )
    | (?P<word>  [^\W\d]\w* )
    | (?P<sign>  <= | >= | != | <> | == | [=<>~(),] )
    """,
    re.VERBOSE,
)
_BLANKS = re.compile(r"\s*")
_UNTYPED = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")  # controls and halves of characters
_SIGNS = {str(sign): sign for sign in list(Operator)[:7]}
_MEANT = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">=", "&": "and", "|": "or", "!": "not", "-": "_"}
_SAID = 30  # characters of a token that an error repeats
_CURLY = "‘’“”„‚«»´`"
_SHELL = "In a shell, put the whole condition into double quotes, so that the quotes inside reach it."


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # a group of _TOKEN, or "end"
    text: str
    at: int

    @property
    def word(self) -> str:
        """A word in small letters; "" for anything else."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def said(self) -> str:
        """As an error repeats it."""
        return f"“{self.text if len(self.text) <= _SAID else self.text[:_SAID] + '…'}”"


def parse_condition(source: str) -> Condition:
    """Read a condition; ConditionError, with the place of the mistake."""
    if len(source) > LONGEST:
        raise ConditionError(
            f"The condition has {len(source):,} characters; {LONGEST:,} are the most.",
            remedy="Put the people into a list of their own: `mergecast import`, then `--exclude`.",
        )
    return _Parser(source).whole()


def mistake(source: str, at: int, sentence: str, remedy: str = "") -> ConditionError:
    """The error for a mistake at an offset of a condition."""
    line = source.count("\n", 0, at) + 1
    begin = source.rfind("\n", 0, at) + 1
    source_line = source[begin:].partition("\n")[0]
    where = Where(line=line if "\n" in source.strip() else None, column=str(at - begin + 1))
    return ConditionError(sentence, where=where, remedy=remedy, source_line=source_line)


def _tokens(source: str) -> list[_Token]:
    if untyped := _UNTYPED.search(source):
        raise mistake(source, untyped.start(), "A character that cannot be read stands here.", "Type it anew.")
    tokens: list[_Token] = []
    at = 0
    while True:
        at = _BLANKS.match(source, at).end()  # type: ignore[union-attr]  # it matches nothing at the least
        if at == len(source):
            return [*tokens, _Token("end", "", at)]
        match = _TOKEN.match(source, at)
        if match is None:
            raise _unknown(source, at)
        tokens.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()


def _unknown(source: str, at: int) -> ConditionError:
    sign = source[at]
    if sign in "'\"":
        remedy = "Close it. A quote mark inside a text is written twice: 'O''Neill'."
        return mistake(source, at, "The text that begins here is never closed.", remedy)
    if sign in _CURLY:
        return mistake(source, at, f"{sign} is no quote mark here.", "Use straight ones: 'DE'.")
    if sign.isdigit() or sign in "-.":
        forms = "Write numbers like 1234.50, dates like 2026-12-01, and fields like first_name."
        return mistake(source, at, "This is no number, no date and no field.", forms)
    hint = f"Write {_MEANT[sign]} instead." if sign in _MEANT else EXAMPLE
    return mistake(source, at, f"“{sign}” has no meaning in a condition.", hint)


class _Parser:
    """Recursive descent: one method a line of the grammar."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = _tokens(source)
        self._place = 0
        self._depth = 0

    def whole(self) -> Condition:
        if self._next.kind == "end":
            raise ConditionError("The condition is empty.", remedy=EXAMPLE)
        condition = self._condition()
        if self._next.kind != "end":
            raise self._wrong_end()
        return condition

    def _condition(self) -> Condition:
        parts = [self._part()]
        while self._takes("or"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _part(self) -> Condition:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"More than {DEEPEST} brackets and nots stand inside each other.", "Write it flatter.")
        if self._takes("not"):
            found: Condition = Not(self._one())
        elif self._takes("("):
            found = self._condition()
            if not self._takes(")"):
                raise self._wrong("A closing bracket is missing here.", "Join comparisons with `and` or `or`.")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        name, sign = self._field(), self._next
        if self._takes("is"):
            operator = Operator.FILLED if self._takes("not") else Operator.EMPTY
            if not self._takes("empty"):
                raise self._wrong(
                    "`is` goes with `empty` alone.", "Write `is empty`, `is not empty`, or = and a value."
                )
            return Comparison(name.text.lower(), operator, (), name.at, sign.at)
        if sign.word in ("in", "not"):
            operator = Operator.NOT_IN if self._takes("not") else Operator.IN
            if not self._takes("in"):
                raise self._wrong("`not` after a field goes with `in` alone.", "Write `not in ('a', 'b')`, or !=.")
            values = self._values()
        elif sign.text in _SIGNS:
            self._place += 1
            operator, values = _SIGNS[sign.text], [self._value()]
        else:
            raise self._wrong_operator(name)
        places = tuple(at for _, at in values)
        return Comparison(name.text.lower(), operator, tuple(value for value, _ in values), name.at, sign.at, places)

    def _field(self) -> _Token:
        token = self._next
        if token.kind != "word" or token.word in ("and", "or", "in", "is"):
            said = "The condition ends" if token.kind == "end" else f"{token.said} stands"
            raise self._wrong(
                f"{said} where a field is expected.",
                "A field stands without quotes, as `import` prints it: first_name.",
            )
        self._place += 1
        return token

    def _values(self) -> list[tuple[Value, int]]:
        if not self._takes("("):
            raise self._wrong("After `in` come values in brackets.", "Write it like country in ('DE', 'AT').")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        if not self._takes(")"):
            raise self._wrong("A comma or a closing bracket is missing here.", "Write it like country in ('DE', 'AT').")
        return values

    def _value(self) -> tuple[Value, int]:
        token = self._next
        self._place += 1
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote), token.at
        if token.kind == "number":
            return (float(token.text) if "." in token.text else int(token.text)), token.at
        if token.kind == "date":
            return self._date(token), token.at
        if token.word in ("yes", "no"):
            return token.word == "yes", token.at
        self._place -= 1
        if token.kind == "word":
            raise self._wrong(f"{token.said} is no value.", f"Text stands in quotes: '{token.text[:_SAID]}'. {_SHELL}")
        said = "The condition ends" if token.kind == "end" else f"{token.said} stands"
        raise self._wrong(f"{said} where a value is expected.", "A value is 'text', 12.50, 2026-12-01, yes or no.")

    def _date(self, token: _Token) -> date:
        try:
            return date(*map(int, token.text.split("-")))
        except ValueError:
            raise mistake(
                self._source, token.at, f"{token.text} is no date of the calendar.", "Year, month, day: 2026-12-01."
            ) from None

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _takes(self, wanted: str) -> bool:
        """Step over the next token if it is this word or sign."""
        token = self._next
        found = token.word == wanted or (token.kind == "sign" and token.text == wanted)
        self._place += found
        return found

    def _wrong(self, sentence: str, remedy: str) -> ConditionError:
        return mistake(self._source, self._next.at, sentence, remedy)

    def _wrong_operator(self, name: _Token) -> ConditionError:
        token = self._next
        if token.text in _MEANT:
            return self._wrong(f"{token.said} has no meaning in a condition.", f"Write {_MEANT[token.text]} instead.")
        remedy = "What can follow: = != < <= > >= ~ (contains), in ('a', 'b'), is empty, is not empty."
        if token.word in ("yes", "no"):
            remedy = f"Write {name.text} = {token.word}."
        return self._wrong(f"A comparison is missing after {name.said}.", remedy)

    def _wrong_end(self) -> ConditionError:
        token = self._next
        if token.text == ")":
            return self._wrong("This bracket was never opened.", "Take it out, or open one before.")
        if token.text == ",":
            return self._wrong(
                "A comma has no meaning here.", "Write numbers without one, 1234.50, and several values with `in`."
            )
        return self._wrong(f"{token.said} cannot follow here.", f"Join comparisons with `and` or `or`. {_SHELL}")
