"""A gate: whether a lane's send windows are open, asked at every lease and answered from memory until that may change."""

from campaigns.clock import from_micros, to_micros
from campaigns.model.send_window import SendWindows

NEVER = 2**62  # micros: it opens or shuts no more


class Gate:
    """The windows that some lanes stand under; all instants are microseconds UTC."""

    def __init__(self, windows: SendWindows) -> None:
        self._windows = windows
        self._from, self._to = 0, 0  # since when, and until when, it is as it was when last looked at
        self._open = False

    def opens(self, now: int) -> int:
        """`now` while it is open, else when it opens next; NEVER if it does not."""
        if not self._from <= now < self._to:
            self._look(now)
        return now if self._open else self._to

    def shuts(self, now: int) -> int:
        """Until when it stays open, from an instant at which it is; NEVER if it shuts no more."""
        self.opens(now)
        return self._to

    def _look(self, now: int) -> None:
        at = from_micros(now)
        self._open = self._windows.is_open(at)
        turns = self._windows.closes(at) if self._open else self._windows.next_opening(at)
        self._from, self._to = now, NEVER if turns is None else to_micros(turns)
