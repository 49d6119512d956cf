"""Three hundred broken spreadsheets; `make fuzz` reads ten thousand."""

from pathlib import Path

import pytest

from tests.fuzz.mutants import mutant, originals
from tests.fuzz.reading import MOST_MEMORY, highest_memory, read_or_refused

AT_ONCE = 20
SEEDS = {"csv": 80, "xlsx": 80, "ods": 80, "xls": 40, "xlsb": 20}  # those that need a process each are fewer


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return originals(tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize(
    ("kind", "first"), [(kind, first) for kind, seeds in SEEDS.items() for first in range(0, seeds, AT_ONCE)]
)
def test_a_broken_spreadsheet_is_read_or_refused_in_words(
    good: dict[str, bytes], tmp_path: Path, kind: str, first: int
) -> None:
    path = tmp_path / f"broken.{kind}"
    before = highest_memory()
    for seed in range(first, first + AT_ONCE):
        path.write_bytes(mutant(kind, good[kind], seed))
        try:
            read_or_refused(path)
        except Exception as error:
            raise AssertionError(f"{kind}, seed {seed}") from error
    assert highest_memory() - before < MOST_MEMORY


def test_the_good_files_are_read_and_most_of_the_broken_ones_are_not_the_same(
    good: dict[str, bytes], tmp_path: Path
) -> None:
    for kind, content in good.items():
        path = tmp_path / f"good.{kind}"
        path.write_bytes(content)
        assert read_or_refused(path)
        assert len({mutant(kind, content, seed) for seed in range(30)} - {content}) > 25
