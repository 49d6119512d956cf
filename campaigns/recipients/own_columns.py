"""The columns that Mergecast itself adds to a sheet: known by their headers, so that an import leaves them aside."""

from collections.abc import Sequence

HEADERS = (
    "Mergecast: state",
    "Mergecast: reason",
    "Mergecast: what was found",
    "Mergecast: what to do",
    "Mergecast: merge field",
)
STATE, REASON, FOUND, FIELD = 0, 1, 2, 4


def own_places(headers: Sequence[str]) -> dict[int, str]:
    """Where a header row holds columns of ours: each one's header by its place."""
    tidy = ((place, " ".join(header.split())) for place, header in enumerate(headers))
    return {place: header for place, header in tidy if header in HEADERS}
