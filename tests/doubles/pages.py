"""The project's own pages, taken apart: fenced blocks, tables, and the commands that stand in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)[ ]*(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind that (a file's name), its text and its line in the page."""

    language: str
    name: str
    text: str
    line: int


@dataclass(frozen=True)
class Typed:
    """One command of a console block, and the lines that are quoted from its answer."""

    args: tuple[str, ...]  # without `mergecast`
    quoted: tuple[str, ...]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str = "") -> list[Block]:
    """The fenced blocks of a page, or those of one language, in order."""
    found = [Block(m[1], m[2], m[3], text.count("\n", 0, m.start()) + 1) for m in _FENCE.finditer(text)]
    return [block for block in found if block.language == language] if language else found


def typed(block: Block) -> Iterator[Typed]:
    """The commands of a console block; other words than `mergecast` are an error in the page."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *quoted = part.splitlines()
        words = shlex.split(command)
        assert words[0] == "mergecast", f"line {block.line}: {command}"
        yield Typed(tuple(words[1:]), tuple(line for line in quoted if line.strip()))


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text)


def tables(text: str) -> list[list[list[str]]]:
    """The pipe tables of a page: rows of cells, the heads first. `\\|` in a cell is a bar."""
    found: list[list[list[str]]] = []
    for run in re.findall(r"(?:^\|.*\|\n)+", prose(text), flags=re.MULTILINE):
        rows = [[cell.strip().replace("\\|", "|") for cell in _cells(line)] for line in run.splitlines()]
        found.append([row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)])
    return found


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip())[1:-1]
