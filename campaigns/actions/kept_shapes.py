"""The shapes of a check, from the renderer's numbers to the store's ids, in memory that hardly grows with them."""

from array import array
from collections.abc import Iterator
from itertools import islice

from campaigns.actions.basis import Basis
from campaigns.actions.clearing import keep_ours
from campaigns.actions.desk import Desk
from campaigns.checks.shapes import ShapeFacts, check_shape, facts_of
from campaigns.message.shape import Shape
from campaigns.model.finding import Finding
from campaigns.store import outbox, shapes

AT_ONCE = 100  # shapes of one transaction
MOST_NEAR = 1_000  # shapes kept in memory, a page's worth; the others are read again from the store
MOST_KNOWN = 50_000  # constants whose numbers are kept in memory


class KeptShapes:
    def __init__(self, desk: Desk, basis: Basis, token: str, version_id: int) -> None:
        self.ids = array("q")  # by the renderer's number
        self._desk = desk
        self._basis = basis
        self._token = token
        self._version_id = version_id
        self._near: dict[int, tuple[Shape, ShapeFacts]] = {}
        self._known: dict[bytes, int] = {}
        self._found: dict[Finding, None] = {}

    def keep(self, new: list[tuple[int, Shape]]) -> None:
        """Write new shapes down, in the order of their numbers, and check each."""
        rest = iter(new)
        while some := list(islice(rest, AT_ONCE)):
            with self._desk.store.write_page() as conn:
                keep_ours(conn, self._basis.campaign, self._token)
                for number, shape in some:
                    assert number == len(self.ids), "The renderer counts its shapes without gaps."
                    self.ids.append(shapes.keep(conn, self._basis.campaign.id, self._version_id, shape, self._known))
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            for number, shape in some:
                self._remember(number, shape)
                self._found |= dict.fromkeys(self._check(shape))

    def facts(self, number: int) -> tuple[Shape, ShapeFacts]:
        near = self._near.get(number)
        if near is None:
            with self._desk.store.read() as conn:
                near = self._remember(number, outbox.shape(conn, self.ids[number], {}))
        return near

    def findings(self) -> Iterator[Finding]:
        """What is wrong with the shapes, each thing once."""
        yield from self._found

    def _remember(self, number: int, shape: Shape) -> tuple[Shape, ShapeFacts]:
        if len(self._near) >= MOST_NEAR:
            del self._near[next(iter(self._near))]
        self._near[number] = shape, facts_of(shape)
        return self._near[number]

    def _check(self, shape: Shape) -> Iterator[Finding]:
        return check_shape(shape, kind=self._basis.campaign.kind, template=self._basis.source.name)
