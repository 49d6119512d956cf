"""Whether a mail with holes, filled, is the mail that a plain render gives."""

from html.parser import HTMLParser


def same(filled: str, plain: str) -> bool:
    """Equal as text, or else as what a parser makes of it."""
    return filled == plain or _events(filled) == _events(plain)


def _events(text: str) -> list[tuple[str, object]]:
    events = _Events()
    events.feed(text)
    events.close()
    return events.seen


class _Events(HTMLParser):
    """Tags with their attributes, and the text between them with its white space folded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, object]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, sorted(attrs, key=str)))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(("/" + tag, None))

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text:
            self.seen.append(("", text))

    def handle_comment(self, data: str) -> None:
        self.seen.append(("!", data))

    def handle_decl(self, decl: str) -> None:
        self.seen.append(("!", decl))


class Extremes:
    """Picks the rows of one shape that differ most: the first, then longer ones, shorter ones, ones with specials."""

    __slots__ = ("_left", "_longest", "_rare", "_shortest")

    def __init__(self) -> None:
        self._left = 8  # comparisons that a shape may cost after its first
        self._longest = -1
        self._shortest = 0
        self._rare = True  # still waiting for a value with a special character

    def pick(self, values: str) -> bool:
        """Whether the row with these joined values is worth a comparison."""
        length = len(values)
        if self._longest < 0:
            self._longest = self._shortest = length
            return True
        if self._left == 0:
            return False
        if length > self._longest * 1.2:
            self._longest = length
        elif length < self._shortest * 0.8:
            self._shortest = length
        elif self._rare and ("<" in values or "&" in values or '"' in values):
            self._rare = False
        else:
            return False
        self._left -= 1
        return True
