"""The shapes that messages are filled into, kept in memory while they are used."""

from collections import OrderedDict

from campaigns.message.shape import Shape
from campaigns.store import outbox
from campaigns.store.engine import Store

_KEPT = 500
_CONSTANTS = 100 * _KEPT  # pieces of text that shapes share


class Shapes:
    """Those used last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, Shape] = OrderedDict()
        self._constants: dict[int, bytes] = {}

    def find(self, shape_id: int) -> Shape:
        """Read it from the store, unless it was used of late; StoreError when the store cannot be read."""
        shape = self._kept.get(shape_id)
        if shape is None:
            with self._store.read() as connection:
                shape = outbox.shape(connection, shape_id, self._constants)
            self._kept[shape_id] = shape
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            if len(self._constants) > _CONSTANTS:
                self._constants.clear()
        else:
            self._kept.move_to_end(shape_id)
        return shape
