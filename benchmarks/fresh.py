"""Each measure in a process of its own, with its peak of memory.

measured(prepare, folder=..., rows=10_000)      here: starts the process, reads what it answers
python -m benchmarks.fresh MODULE:FUNCTION JSON there: runs the function, answers in JSON
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[1]
_LONGEST = 600  # seconds
_LOOK = 0.05  # seconds between two looks at the children's memory


@dataclass(frozen=True)
class Measured:
    """What the function returned, and what its process took."""

    told: dict[str, Any]
    peak: int  # bytes, the process itself
    peak_children: int  # bytes, its largest child; 0 for none
    cpu: float  # seconds, children included


def measured(job: Callable[..., dict[str, Any]], **given: Any) -> Measured:
    """Run a module's function in a fresh process; a RuntimeError with what it said, if it failed."""
    command = [sys.executable, "-m", "benchmarks.fresh", f"{job.__module__}:{job.__name__}", json.dumps(given)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=_LONGEST, check=False)
    if done.returncode:
        raise RuntimeError(f"{job.__name__}({given}) failed:\n{done.stderr[-3000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    job = getattr(importlib.import_module(module), name)
    children = _Children()
    told = job(**json.loads(sys.argv[2]))
    answer = {"told": told, "peak": _own_peak(), "peak_children": children.peak(), "cpu": _cpu()}
    print(json.dumps(answer))


class _Children:
    """The peaks of this process's children.

    ru_maxrss of a child begins with what its parent had at the fork; Linux knows better while the child lives.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._tasks = Path("/proc/self/task")
        if self._tasks.exists():
            threading.Thread(target=self._watch, daemon=True).start()

    def peak(self) -> int:
        return self._seen or _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)

    def _watch(self) -> None:
        main = self._tasks / str(os.getpid()) / "children"
        while True:
            for child in main.read_text().split():
                self._seen = max(self._seen, _high_water(child))
            time.sleep(_LOOK)


def _own_peak() -> int:
    return _high_water("self") or _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _high_water(process: str) -> int:
    """VmHWM, which starts anew with each program; 0 where there is no /proc, or no such process."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def _bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
