"""docs/architecture.md and docs/decisions.md name what is there, and all of it."""

import ast
import re
import tomllib
from functools import lru_cache
from itertools import chain
from pathlib import Path

import pytest

from campaigns.model.states import CampaignState, MessageState, PauseReason
from campaigns.store.tables import metadata
from tests.doubles import pages

ARCHITECTURE = pages.page("docs/architecture.md")
DECISIONS = pages.page("docs/decisions.md")
_PATH = re.compile(r"`((?:campaigns|scheduler|docs|tests|benchmarks|templates|sample_data)/[\w/.]*)`")
_FLOW = re.compile(r"`((?:campaigns|scheduler)/[\w/]+\.py)`|`([A-Za-z_][\w.]*)`")


def rooms() -> set[str]:
    """Every package and module at the top of both sides, and the transports."""
    found = set()
    for side in ("campaigns", "scheduler"):
        for path in (pages.ROOT / side).iterdir():
            if path.suffix == ".py" and path.name != "__init__.py":
                found.add(f"{side}/{path.name}")
            elif (path / "__init__.py").is_file():
                found.add(f"{side}/{path.name}/")
    return found


def flow() -> list[tuple[str, str]]:
    """Each name in the flow with the file that stands before it."""
    part = ARCHITECTURE.partition("## How a message flows")[2].partition("## States")[0]
    named, file = [], ""
    for path, name in _FLOW.findall(part):
        if path:
            file = path
        elif name != "recipients":  # a table
            named.append((file, name))
    return named


@lru_cache
def defined(file: str) -> set[str]:
    """Functions, classes and `Class.method` of a file."""
    names: set[str] = set()
    for node in ast.parse((pages.ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{one.name}" for one in inner}
    return names


def test_every_room_is_listed_once() -> None:
    listed = [row[0].strip("`") for row in pages.tables(ARCHITECTURE)[0][1:]]
    assert sorted(listed) == sorted(rooms())


@pytest.mark.parametrize(
    "name", ["docs/architecture.md", "docs/audience.md", "docs/decisions.md", "docs/templates.md", "CONTRIBUTING.md"]
)
def test_every_path_that_a_page_names_is_there(name: str) -> None:
    for path in _PATH.findall(pages.page(name)):
        outside = name == "docs/templates.md" and path.startswith("templates/")  # a workspace's, not ours
        assert outside or (pages.ROOT / path).exists(), path


@pytest.mark.parametrize(("file", "name"), flow())
def test_every_function_of_the_flow_is_where_the_page_says(file: str, name: str) -> None:
    assert name in defined(file)


def test_the_flow_has_names_from_both_sides_of_the_wall() -> None:
    assert {file.partition("/")[0] for file, _ in flow()} == {"campaigns", "scheduler"}
    assert len(flow()) > 20


def test_every_state_is_named() -> None:
    states = ARCHITECTURE.partition("## States")[2].partition("## Where")[0]
    for state in (*CampaignState, *PauseReason, *(one.name.lower() for one in MessageState)):
        assert re.search(rf"\b{state}\b", states), state


def test_the_columns_that_were_added_are_columns() -> None:
    added = re.search(r"\*\*Campaigns carry more:\*\*(.*?)\n- ", ARCHITECTURE, re.DOTALL)
    assert added is not None
    assert set(re.findall(r"`(\w+)`", added[1])) <= set(metadata.tables["campaigns"].columns.keys())
    assert "note" in metadata.tables["left_out"].columns


def dependencies() -> list[str]:
    """What the project needs when it runs, when it is built, and when it is worked on."""
    project = tomllib.loads((pages.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    needed = [*project["project"]["dependencies"], *chain(*extras), *project["build-system"]["requires"]]
    return sorted({re.match(r"[\w-]+", one)[0] for one in needed})  # type: ignore[index]


@pytest.mark.parametrize("dependency", dependencies())
def test_every_dependency_has_its_reason(dependency: str) -> None:
    assert re.search(rf"^\| {re.escape(dependency)} \| \S.+\.", DECISIONS, re.MULTILINE)


def test_no_dependency_is_listed_that_is_gone() -> None:
    listed = [row[0] for row in pages.tables(DECISIONS)[0][1:]]
    assert sorted(listed) == dependencies()


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (*(pages.ROOT / "docs").glob("*.md"), *pages.ROOT.glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|mailto:|\{)([^)#]+)", pages.prose(page.read_text(encoding="utf-8"))):
            assert (Path(page).parent / link).exists(), (page.name, link)
