"""What is found on a laid-out mail, with the words it stands at; `origin.py` finds their line in the author's files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from campaigns.model.finding import Finding

MOST_LOOKED_AT = 100  # of one kind: beyond it, counting is no help
MOST_PLACES = 5  # of one kind in one shape that get a Finding of their own


@dataclass(frozen=True, slots=True)
class Found(Finding):
    """A Finding whose place is known by the words that stand there, marks and all."""

    words: str = ""
    nth: int = 0  # which of several places with the same words

    def placed(self, where: str) -> Finding:
        """As a plain Finding, with its place."""
        return Finding(self.code, self.severity, self.sentence, self.remedy, where, self.rows, self.first_rows)


def at_most(found: Iterable[Found]) -> Iterator[Found]:
    """The first few of each kind; the last of them says how many more there are."""
    by_code: dict[str, list[Found]] = {}
    for one in islice(found, MOST_LOOKED_AT):
        by_code.setdefault(one.code, []).append(one)
    for alike in by_code.values():
        yield from alike[: MOST_PLACES - 1]
        for last in alike[MOST_PLACES - 1 : MOST_PLACES]:
            more = len(alike) - MOST_PLACES
            yield replace(last, sentence=f"{last.sentence} And {more} more like it.") if more else last
