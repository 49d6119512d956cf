"""The files that go with a turn's messages: which, how many at once, and their bytes as they were checked.

All of it is done before anything is leased: a copy that is gone or was changed then costs no message an attempt.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from campaigns.errors import StoreError
from campaigns.message.attachment import Attachment
from campaigns.message.shape import Shape
from campaigns.store import files
from campaigns.store.engine import Store
from campaigns.store.kept_files import KeptFiles
from campaigns.store.outbox import Candidate

_HELD_BYTES = 64_000_000  # of files kept in memory for the next turn
_TURN_BYTES = 16_000_000  # of files that only one message of a turn has; a single message may have more

Files = Mapping[int, tuple[Attachment, ...]]  # by message id, with their bytes


class Baggage:
    """What all connections of a worker share, so that a file for a thousand people is read once."""

    def __init__(self, store: Store, kept: KeptFiles, *, in_thread: bool) -> None:
        self._store = store
        self._in_thread = in_thread
        self._kept = kept
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def own(self, candidates: Sequence[Candidate]) -> Files:
        """The messages' own files, without their bytes."""
        with self._store.read() as connection:
            return files.own(connection, [candidate.id for candidate in candidates])

    @staticmethod
    def together(candidates: Sequence[Candidate], own: Files, *, alike: bool) -> int:
        """How many of the candidates, from the first on, can go in one turn: `alike` ones agree in their files."""
        weight = 0
        for n, candidate in enumerate(candidates):
            mine = own[candidate.id]
            weight += sum(one.size for one in mine)
            if n and ((alike and mine != own[candidates[0].id]) or (not alike and weight > _TURN_BYTES)):
                return n
        return len(candidates)

    async def load(self, candidates: Sequence[Candidate], shape: Shape, own: Files) -> Files:
        """Each message's files with their bytes: the shape's, then its own. StoreError if one is not as it was checked."""
        shared = [await self._loaded(one) for one in shape.files]
        loaded = {}
        for candidate in candidates:
            mine = [await self._loaded(one) for one in own.get(candidate.id, ())]
            loaded[candidate.id] = (*shared, *mine)
        return loaded

    async def _loaded(self, one: Attachment) -> Attachment:
        data = self._held.get(one.sha256)
        if data is None:
            data = await asyncio.to_thread(self._read, one) if self._in_thread else self._read(one)
            self._hold(one.sha256, data)
        else:
            self._held.move_to_end(one.sha256)
        return replace(one, data=data)

    def _read(self, one: Attachment) -> bytes:
        try:
            return self._kept.read(one.sha256, one.size)
        except StoreError as error:
            raise StoreError(
                f"The kept copy of “{one.name}” {error.sentence}: {error.where}.",
                remedy="Put a copy of the file back under that name, then `mergecast resume`.",
            ) from error

    def _hold(self, sha256: str, data: bytes) -> None:
        if sha256 in self._held:  # another connection read it meanwhile
            return
        self._held[sha256] = data
        self._bytes += len(data)
        while self._bytes > _HELD_BYTES and len(self._held) > 1:
            self._bytes -= len(self._held.popitem(last=False)[1])
