"""Other years, with other dice, on both sides' own arithmetic: `python -m tests.year [YEARS]`; YEAR_SEED plays the same again."""

import logging
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import structlog

from scheduler import dispatch
from tests.doubles.rendering_here import render_here
from tests.doubles.virtual_time import VirtualClock, virtually
from tests.year.judge import Judge
from tests.year.life import Life
from tests.year.plot import live, story_of

_FIRST = 2026


def lived(year: int, folder: Path, dice: random.Random) -> tuple[Life, list[str]]:
    """A year's life, and what is wrong with it."""
    story = story_of(year, dice)
    lives: list[Life] = []

    async def play(clock: VirtualClock) -> None:
        lives.append(await live(story, folder, clock, dice))

    with pytest.MonkeyPatch.context() as patched:
        render_here(patched)
        patched.setattr(dispatch, "_IDLE", 1e6)  # nobody says goodbye in between: that costs virtual time alone
        virtually(play, start=story.begins)
    (life,) = lives
    life.store.close()
    return life, Judge(folder / "mergecast.db", story, life.taken).judged()


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    years = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(os.environ.get("YEAR_SEED") or random.SystemRandom().randrange(10**6))
    print(f"YEAR_SEED={seed}", flush=True)
    dice, is_well = random.Random(seed), True
    for year in range(_FIRST, _FIRST + years):
        folder = Path(tempfile.mkdtemp(prefix="mergecast-year-"))
        life, wrong = lived(year, folder, dice)
        print(f"{year}: {len(life.taken)} hand-overs, {life.kills} kills", *wrong, sep="\n  ", flush=True)
        if wrong:
            is_well = False
            print(f"  See {folder}.")
        else:
            shutil.rmtree(folder)
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
