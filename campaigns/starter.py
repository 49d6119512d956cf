"""The starter's originals: templates and sample sheets, in a wheel as in a checkout."""

from pathlib import Path

import campaigns


def starter() -> Path:
    """The folder that holds `templates/` and `sample_data/`."""
    package = Path(campaigns.__file__).parent
    carried = package / "starter"  # what the wheel carries (pyproject.toml, force-include)
    return carried if carried.is_dir() else package.parent
