from datetime import UTC, datetime, timedelta

import pytest

from campaigns.cli.pace import said_pace

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0.4, "00:00"),
        (41.7, "00:42"),
        (3599.4, "59:59"),
        (3599.6, "1 hour"),  # the seconds are rounded before it is asked whether they make an hour
        (3600, "1 hour"),
        (90_000, "1 day 1 hour"),
        (-3, "00:00"),
    ],
)
def test_how_long_a_campaign_still_waits(left: float, said: str) -> None:
    waits = [{"for": "gmail.com, 1/h", "until": (NOW + timedelta(seconds=left)).isoformat()}]
    quiet = {"rate": None, "canary": None, "waiting": waits[0], "slowed": [], "connections": None, "ends": None}
    assert list(said_pace({**quiet, "waits": waits}, NOW)) == [f"waits {said} for gmail.com, 1/h"]
