"""A throttle holds over kill -9: no restart grants anything."""

import bisect

import pytest

from campaigns.store import tables
from tests.crash.ground import Ground, Taken, dice, drawn, kill, relay
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

SECOND = 1_000_000


@pytest.mark.parametrize("throttle", ["30/s", "30/s burst 30"])
def test_no_second_holds_more_leases_than_the_throttle_whatever_is_killed(
    ground: Ground, taken: Taken, throttle: str
) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 8))
        ground.fill(150, throttles=throttle)
        for further in drawn(dice(), 3, 5, 50, at_most=120):
            with ground.worker() as running:
                taken.reaches(taken.count + further)
                kill(running)
        ground.finish()
    leased = sorted(row.leased_at for row in ground.rows(tables.messages))
    assert len(leased) == 150
    assert fullest(leased) <= 30
    print(f"at most {fullest(leased)} leases and {fullest([round(at * SECOND) for at in taken.at])} mails in a second")


def fullest(instants: list[int]) -> int:
    """How many of the sorted instants the fullest half-open second holds."""
    return max(bisect.bisect_left(instants, at + SECOND) - place for place, at in enumerate(instants))
