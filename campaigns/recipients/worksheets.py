"""Which worksheet of a workbook is read: the one that the person names, else the only one with addresses."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from campaigns.errors import SpreadsheetError, Where
from campaigns.recipients.columns import listed

LOOKED_AT = 200  # rows of each worksheet in which addresses are looked for


def choose_worksheet(
    file: str, titles: Sequence[str], hidden: set[str], wanted: str | None, has_addresses: Callable[[str], bool]
) -> str:
    """One of the titles; SpreadsheetError where there is none to take, or more than one."""
    where = Where(file=file)
    if wanted is not None:
        return _named(wanted, titles, where)
    visible = [title for title in titles if title not in hidden] or list(titles)
    if not visible:
        raise SpreadsheetError(f"{file} has no worksheet.", where=where, remedy="Choose another file.")
    if len(visible) == 1:
        return visible[0]
    with_addresses = [title for title in visible if has_addresses(title)]
    if len(with_addresses) == 1:
        return with_addresses[0]
    if not with_addresses:
        raise SpreadsheetError(
            f"None of the worksheets has addresses: {listed(visible)}.",
            where=where,
            remedy="Say which one to read: --worksheet TITLE",
        )
    raise SpreadsheetError(
        f"{len(with_addresses)} worksheets have addresses: {listed(with_addresses)}.",
        where=where,
        remedy=f'Say which one to read: --worksheet "{with_addresses[0]}"',
    )


def _named(title: str, titles: Sequence[str], where: Where) -> str:
    folded = {name.strip().casefold(): name for name in titles}
    found = title if title in titles else folded.get(title.strip().casefold())
    if found is not None:
        return found
    close = get_close_matches(title, titles, n=1)
    raise SpreadsheetError(
        f"There is no worksheet “{title}”.",
        where=where,
        remedy=f"Did you mean “{close[0]}”?" if close else f"The worksheets are {listed(titles)}.",
    )
