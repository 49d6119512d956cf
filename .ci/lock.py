"""Writes requirements.txt and requirements-dev.txt: names and versions of what is installed, and nothing else."""

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DEVELOPMENT = (
    "aiosmtpd", "cryptography", "h11", "hatchling", "hypothesis", "import-linter", "mypy", "odfpy", "packaging", "pillow", "pytest",
    "pytest-asyncio", "pytest-randomly", "pytest-timeout", "pytest-xdist", "ruff", "trustme", "types-babel",
    "types-defusedxml", "types-openpyxl", "xlsxwriter", "xlwt",
)  # fmt: skip


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runs = installed(Requirement(line).name for line in project["dependencies"])
    tests = {name: version for name, version in installed(DEVELOPMENT).items() if name not in runs}
    write("requirements.txt", "# What Mergecast runs on, pinned by `make lock`.\n", runs)
    write("requirements-dev.txt", "# What tests and checks need besides.\n-r requirements.txt\n", tests)


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of these distributions and of all that they require."""
    found: dict[str, str] = {}
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        needs = [Requirement(line) for line in distribution.requires or []]
        wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def write(file: str, head: str, versions: dict[str, str]) -> None:
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    (ROOT / file).write_text(head + "".join(lines))


if __name__ == "__main__":
    main()
