"""A year of life, in some seconds; `python -m tests.year` lives other years, with other dice."""

import random
from pathlib import Path

import pytest

from tests.year.__main__ import lived


@pytest.mark.timeout(600)  # some seconds of the processor, on a busy machine a minute by the clock
def test_in_a_year_every_mail_leaves_once_at_its_time_inside_its_windows_and_limits(tmp_path: Path) -> None:
    life, wrong = lived(2027, tmp_path, random.Random(1))
    assert wrong == []
    assert life.kills > 10
    assert len(life.taken) > 500
