"""The renderer's child as it is, a process with its bounds, but forked where everything is imported: see `warm.py`.

A cold start of it costs a third of a second; that it starts cold is tested with the renderer and with the sandbox.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from campaigns.compose import renderer
from tests.doubles import warm


class WarmChild(warm.Process):
    """Of `subprocess.Popen`, what the renderer uses."""

    def __init__(self, line: Sequence[str], *, env: Mapping[str, str], cwd: str, **_pipes: Any) -> None:
        assert list(line) == [sys.executable, "-P", "-m", warm.RENDERS]
        its_in, to = os.pipe()
        back, its_out = os.pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            super().__init__([warm.RENDERS], Path(cwd), env, [its_in, its_out, nowhere])
        finally:
            for its in (its_in, its_out, nowhere):
                os.close(its)
        self.stdin, self.stdout = os.fdopen(to, "wb", 0), os.fdopen(back, "rb", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        self.stdout.close()
        self.wait()


def render_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = SimpleNamespace(Popen=WarmChild, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(renderer, "subprocess", pipes)
