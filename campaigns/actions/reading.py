"""How a sheet is read into a list: as the person says, and where she says nothing, as last time."""

from dataclasses import replace

from campaigns.actions.desk import Desk
from campaigns.recipients.sheet import ReadOptions
from campaigns.store import lists, sheets


def as_last_time(desk: Desk, list_name: str, options: ReadOptions) -> ReadOptions:
    """The options with the workspace's locale and names, and with the columns of the list's last sheet."""
    with desk.store.read() as conn:
        found = lists.find(conn, list_name)
        last = sheets.latest(conn, found.id) if found else None
        before = sheets.columns_of(conn, last.id) if last else ()
    workspace = desk.workspace
    return replace(options, locale=workspace.settings.locale, names=workspace.root, before=before)
