"""What columns are called: our data file, and a workspace's own in front of it."""

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns.errors import SettingsError, Where
from campaigns.model.column import Role

FILE = "columns.toml"  # in the workspace

_OURS = Path(__file__).with_suffix(".toml")
_WORDS = ("digits", "country")


@dataclass(frozen=True, slots=True)
class Names:
    """Headers and words, folded."""

    headers: Mapping[str, tuple[int, Role]]  # a whole header -> how sure it is (0 is surest), and its role
    digits: frozenset[str]  # words of headers whose digits are names
    country: frozenset[str]

    def role_of(self, header: str) -> Role:
        return self.headers.get(fold(header), (0, Role.NONE))[1]

    def rank(self, header: str) -> int:
        """How sure a header is among those of its role; 0 is surest."""
        return self.headers[fold(header)][0]


def fold(text: str) -> str:
    """Letters and digits alone, small, without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if c.isalnum())


def words_of(header: str) -> set[str]:
    """The words of a header, folded."""
    composed = unicodedata.normalize("NFC", header)
    return {fold(word) for word in "".join(c if c.isalnum() else " " for c in composed).split()}


def read_names(workspace: Path | None = None) -> Names:
    """Our names, after those in the folder's `columns.toml` if there is one; SettingsError if that cannot be read."""
    own = None if workspace is None else workspace / FILE
    if own is None or not own.is_file():
        return _ours()
    return _joined(_own(own), _parsed(_OURS.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def _ours() -> Names:
    return _joined(_parsed(_OURS.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class _File:
    headers: dict[Role, list[str]]
    words: dict[str, list[str]]


def _joined(*files: _File) -> Names:
    headers: dict[str, tuple[int, Role]] = {}
    rank = 0
    for file in files:
        for role, names in file.headers.items():
            for name in names:
                headers.setdefault(fold(name), (rank := rank + 1, role))
    headers.pop("", None)
    digits, country = (frozenset(fold(word) for file in files for word in file.words.get(key, ())) for key in _WORDS)
    return Names(headers, digits, country)


def _parsed(text: str) -> _File:
    data = tomllib.loads(text)
    return _File({Role(role): names for role, names in data["headers"].items()}, data["words"])


def _own(path: Path) -> _File:
    """A workspace's file, with everything that a person can get wrong said."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name} cannot be read: {error}.",
            where=Where(file=path.name),
            remedy='Write it in UTF-8, a line like `first_name = ["Rufname"]` under `[headers]`.',
        ) from None
    _refuse_unknown(data, ("headers", "words"), path, "table", "[{}]")
    roles = [str(role) for role in Role if role]
    headers = _lists(data, "headers", roles, path)
    return _File({Role(role): names for role, names in headers.items()}, _lists(data, "words", _WORDS, path))


def _lists(data: dict[str, Any], table: str, known: Iterable[str], path: Path) -> dict[str, list[str]]:
    lists = data.get(table, {})
    if not isinstance(lists, dict):
        raise _mistake(path, f"`{table}` is no table.", f"Write `[{table}]` on a line of its own.")
    _refuse_unknown(lists, known, path, f"line in [{table}]", "{}")
    for key, names in lists.items():
        if not isinstance(names, list) or not all(isinstance(name, str) and fold(name) for name in names):
            raise _mistake(path, f"`{key}` is no list of headers.", f'Write it like `{key} = ["One", "Another"]`.')
    return lists


def _refuse_unknown(data: Iterable[str], known: Iterable[str], path: Path, what: str, shown: str) -> None:
    for key in data:
        if key not in known:
            near = get_close_matches(key, list(known), n=1)
            remedy = f"Did you mean {shown.format(near[0])}?" if near else f"There are: {', '.join(known)}."
            raise _mistake(path, f"There is no {what} called {key!r}.", remedy)


def _mistake(path: Path, sentence: str, remedy: str) -> SettingsError:
    return SettingsError(sentence, where=Where(file=path.name), remedy=remedy)
