"""Printing values: Jinja's `finalize` puts a mark for each printed value and hands the value aside."""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NoReturn

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from campaigns.compose.cells import COMPUTED, ENCODED, Cell
from campaigns.compose.marked import Marks
from campaigns.compose.mistakes import Mistake
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL

MOST_HOLES = 20_000  # printed values in one mail


class Encoded(str):
    """Text that went through |urlencode."""

    __slots__ = ()


class Constant(str):
    """Text that is the same in all mails of the campaign, and so part of the shape."""

    __slots__ = ()


class OwnUrl:
    """A link that is known only when the message is: it prints, and it is true or false."""

    def __init__(self, name: str, slot: int, there: bool) -> None:
        self._name = name
        self._slot = slot
        self._there = there

    def __bool__(self) -> bool:
        return self._there

    def _refused(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise Mistake(
            f"{self._name} is made when the mail leaves, so nothing can be done with it here but print it.",
            f'Write it by itself: <a href="{{{{ {self._name} }}}}">.',
            self._name,
        )

    __str__ = __len__ = __iter__ = __getitem__ = __call__ = __contains__ = _refused
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refused
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __neg__ = __pos__ = _refused
    __int__ = __float__ = __round__ = _refused
    __hash__ = object.__hash__


class Captured(Markup):
    """Finished text, maybe with marks in it: a macro's, a block's, a {% set %}...{% endset %}'s.

    It prints as it is. Asked anything, it answers as the text with its values would; changed it cannot be.
    """

    holes: "Holes"

    def __eq__(self, other: object) -> bool:
        return self.holes.resolved(self) == (self.holes.resolved(other) if isinstance(other, Captured) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.holes.resolved(self))

    def __contains__(self, part: object) -> bool:
        return str(part) in self.holes.resolved(self)

    def __bool__(self) -> bool:
        return bool(self.holes.resolved(self))

    def __len__(self) -> int:
        return len(self.holes.resolved(self))

    def __add__(self, other: Any) -> Any:
        return self.holes.captured_join((self, other))

    def __radd__(self, other: Any) -> Any:
        return self.holes.captured_join((other, self))

    def _refused(self, *_args: Any) -> NoReturn:
        raise Mistake(
            "The text of a macro, a block or a {% set %}...{% endset %} can only be printed.",
            "Put the filter on the merge field itself, as in {{ first_name|upper }}.",
        )

    __lt__ = __le__ = __gt__ = __ge__ = _refused
    __getitem__ = __iter__ = __mul__ = __rmul__ = __mod__ = _refused


class Holes:
    """The values that one mail printed so far, in the order of their marks."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.codes: list[int] = []  # by mark: a field's slot, COMPUTED, ENCODED or one of Mergecast's own
        self.values: list[str] = []  # by mark, raw
        self.empty: list[int] = []  # slots of fields that were printed empty
        self.plain = False  # print values instead of marks, to compare with
        self.is_text = False  # plain text: nothing is escaped
        self.date_text: Callable[[date], str] = date.isoformat
        self.safe_word = f"{marks.nonce}safe"  # stands before HTML that |safe let through; `shapes.py` takes it out
        self._words = [marks.mark(number) for number in range(256)]

    def clear(self) -> None:
        self.codes = []
        self.values = []
        self.empty = []

    @pass_context
    def put(self, _context: Context | None, value: Any) -> str:
        """What stands in the text for a printed value; this is Jinja's `finalize`."""
        if type(value) is Cell and value._slot >= 0:
            if self.plain:
                return self.escaped(value._shown)
            if not value._shown:
                self.empty.append(value._slot)
            return self._mark(value._slot, value._shown)
        if isinstance(value, Markup):
            return str.__str__(value)
        if isinstance(value, Constant):
            return self.escaped(str(value))
        if isinstance(value, OwnUrl):
            return self._own(value)
        text = self.text(value)
        return self.put_computed(text, ENCODED if isinstance(value, Encoded) else COMPUTED)

    def put_computed(self, text: str, code: int = COMPUTED) -> str:
        if self.plain:
            return self.escaped(text)
        if self.marks.nonce in text:
            raise Mistake(
                "A text that already holds merge fields was changed.", "Put filters on the merge fields themselves."
            )
        return self._mark(code, text)

    def escaped(self, text: str) -> str:
        return text if self.is_text else str(escape(text))

    def captured(self, text: str) -> Markup:
        """Finished text; in generated code it stands where Jinja would write Markup."""
        text = str.__str__(text)  # not Captured's answers
        if self.plain:
            return Markup(text)  # noqa: S704 - values in it are escaped, or marks
        captured = Captured(text)
        captured.holes = self
        return captured

    def safe(self, html: str) -> Markup:
        """HTML that may stand between tags as it is."""
        return self.captured(html if self.plain else self.safe_word + html)

    def captured_join(self, parts: Iterable[Any]) -> str:
        """Jinja's `~`: text as long as all parts are text."""
        parts = list(parts)
        if not any(isinstance(part, Markup) for part in parts):
            return "".join(self.text(part) for part in parts)
        return self.captured(
            "".join(str.__str__(part) if isinstance(part, Markup) else self.put(None, part) for part in parts)
        )

    def resolved(self, text: str) -> str:
        """Text with its marks filled in, escaped as a plain render does."""
        return self.marks.pattern.sub(lambda found: self.escaped(self.values[int(found.group(1))]), str.__str__(text))

    def _mark(self, code: int, value: str) -> str:
        number = len(self.codes)
        self.codes.append(code)
        self.values.append(value)
        if number >= len(self._words):
            if number >= MOST_HOLES:
                raise Mistake(f"The mail prints more than {MOST_HOLES} values.", "Look for a loop that runs too often.")
            self._words.append(self.marks.mark(number))
        return self._words[number]

    def _own(self, url: OwnUrl) -> str:
        if not url:
            raise Mistake(
                f"{url._name} needs a public address, and there is none.",
                "Set public_url in mergecast.toml, or print it only {% if view_url %}.",
                url._name,
            )
        stand_in = _STAND_INS[url._slot]
        return self.escaped(stand_in) if self.plain else self._mark(url._slot, stand_in)

    def text(self, value: Any) -> str:
        """The text of a computed value."""
        if isinstance(value, str):
            return str(value)
        if isinstance(value, bool) or value is None:
            return "" if value is None else str(value)
        if isinstance(value, int | float):
            return number_text(value)
        if isinstance(value, Cell):
            return value._shown if value._field else self.date_text(value._value)
        if isinstance(value, date):
            return self.date_text(value)
        if isinstance(value, Undefined):
            return str(value)
        if isinstance(value, list | tuple | dict | set | range):
            raise Mistake("A list cannot be printed as it is.", 'Join it, {{ items|join(", ") }}, or loop over it.')
        raise Mistake("This cannot be printed.", "A macro is called with brackets: {{ button() }}.")


def number_text(value: float) -> str:
    """A computed number without the noise of binary fractions; |number and |money write it for people."""
    if isinstance(value, int):
        return str(value)
    return format(value, ".15g")


_STAND_INS = {UNSUBSCRIBE_URL: "https://unsubscribe.invalid/", VIEW_URL: "https://view.invalid/"}
