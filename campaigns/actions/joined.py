"""What the renderer is given for people: a row each, and the further rows that stand in the same mail."""

from collections.abc import Sequence

from campaigns.compose.renderer import Row
from campaigns.model.states import Repeated
from campaigns.store import recipients
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient
from campaigns.store.sheets import Sheet


def with_joined(conn: Connection, sheet: Sheet, people: Sequence[Recipient]) -> list[Row]:
    """The rows of these people, in their order."""
    if sheet.repeated is not Repeated.TOGETHER:
        return [(one.row, one.cells) for one in people]
    others = recipients.joined(conn, sheet.id, [one.address_id for one in people if one.address_id])
    return [
        (one.row, one.cells, f"[{','.join(others[one.address_id])}]")
        if one.address_id in others
        else (one.row, one.cells)
        for one in people
    ]
