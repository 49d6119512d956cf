"""`python -m tests.fuzz [FILES] [FIRST]`: so many broken spreadsheets, from a seed on; what fails is kept, and named."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.mutants import KINDS, mutant, originals
from tests.fuzz.reading import MOST_MEMORY, highest_memory, read_or_refused


def main() -> int:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    came_to: Counter[str] = Counter()
    began = time.monotonic()
    kept = Path(tempfile.mkdtemp(prefix="mergecast-fuzz-"))
    good = originals(kept)
    for seed in range(first, first + files // len(KINDS)):
        for kind in KINDS:
            path = kept / f"broken-{seed}.{kind}"
            path.write_bytes(mutant(kind, good[kind], seed))
            try:
                came_to["read" if read_or_refused(path) else "refused"] += 1
                path.unlink()
            except Exception as error:
                came_to["failed"] += 1
                print(f"{path}: {type(error).__name__}: {error}", flush=True)
    print(f"{dict(came_to)} in {time.monotonic() - began:.0f} s, {highest_memory() >> 20} MB at the highest")
    return 1 if came_to["failed"] or highest_memory() > MOST_MEMORY else 0


if __name__ == "__main__":
    raise SystemExit(main())
