import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", ["cli.md", "settings.md"])
def test_a_page_that_comes_from_the_code_is_current(name: str) -> None:
    page = runpy.run_path(str(DOCS / "write.py"))["PAGES"][name]
    assert (DOCS / name).read_text(encoding="utf-8") == page(), "Run `python docs/write.py`."


def test_every_command_and_every_option_has_a_help() -> None:
    from campaigns.cli.app import app
    from campaigns.cli.reference import cli_reference

    for block in cli_reference(app).split("```text\n")[1:]:
        lines = block.split("```")[0].splitlines()
        assert lines[2].startswith("  "), lines[0]
        assert lines[2].rstrip().endswith((".", "...")), lines[0]
