"""A year of life, in some seconds; `python -m tests.year` lives other years, with other dice."""

import random
from pathlib import Path

import pytest

from scheduler import dispatch
from tests.doubles.rendering_here import render_here
from tests.doubles.virtual_time import VirtualClock, virtually
from tests.year.judge import Judge
from tests.year.life import Life
from tests.year.plot import live, story_of


def test_in_a_year_every_mail_leaves_once_at_its_time_inside_its_windows_and_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_here(monkeypatch)
    monkeypatch.setattr(dispatch, "_IDLE", 1e6)  # nobody says goodbye in between: that costs virtual time alone
    dice = random.Random(1)
    story = story_of(2027, dice)
    lived: list[Life] = []

    async def play(clock: VirtualClock) -> None:
        lived.append(await live(story, tmp_path, clock, dice))

    virtually(play, start=story.begins)
    (life,) = lived
    life.store.close()
    assert Judge(tmp_path / "mergecast.db", story, life.taken).judged() == []
    assert life.kills > 10
    assert len(life.taken) > 500
