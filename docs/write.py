"""Write the pages that come from the code: `python docs/write.py`."""

import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))


def cli() -> str:
    from campaigns.cli.reference import cli_reference
    from scheduler.cli import app

    return cli_reference(app)


def settings() -> str:
    from campaigns.cli.reference import settings_reference

    return settings_reference()


PAGES: dict[str, Callable[[], str]] = {"cli.md": cli, "settings.md": settings}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
