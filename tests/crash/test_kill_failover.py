"""kill -9 while one transport stands in for another, and while the other is being tried again."""

from campaigns.model.states import MessageState
from campaigns.store import tables
from tests.crash.ground import Ground, Taken, accounted_for, dice, kill
from tests.doubles.command_line import until
from tests.doubles.serving import serving
from tests.doubles.smtp_server import CUT, SmtpServer

PEOPLE = 400
CONNECTIONS = 3
SETTINGS = "\n".join(
    f'[transports.{name}]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {{{name}}}\ntls = "none"\n'
    f'connections = {CONNECTIONS}\nthrottle = "40/s"\n{more}'
    for name, more in (("relay", 'fallback = "spare"\n'), ("spare", ""))
)


def test_a_kill_in_a_failover_loses_and_doubles_nothing(ground: Ground, taken: Taken) -> None:
    down, throw = {"relay": True}, dice()
    relay = SmtpServer(on_mail=taken.mail, answer=lambda command, _: CUT if down["relay"] else None)
    with serving(relay), serving(SmtpServer(on_mail=taken.mail, delay=0.01)) as spare:
        ground.settle(SETTINGS.format(relay=relay.port, spare=spare.port))
        ground.fill(PEOPLE)
        with ground.worker() as first:
            until(lambda: first.has_said("transport.replaced"))
            taken.reaches(throw.randrange(20, 120))
            down["relay"] = throw.random() < 0.5  # it may be tried, and taken back, at the very moment
            kill(first)
        assert ground.count(MessageState.LEASED) <= 2 * CONNECTIONS
        down["relay"] = False
        with ground.worker() as second:
            taken.reaches(min(taken.count + 40, PEOPLE - 2 * CONNECTIONS))
            down["relay"] = True  # in the middle of a campaign that goes on
            until(lambda: second.has_said("transport.replaced"))
            down["relay"] = False
            assert second.ends().status == 0
    accounted_for(ground, taken.close(), PEOPLE)
    assert {row.transport for row in ground.rows(tables.handovers)} == {"relay", "spare"}
    assert {row.outcome for row in ground.rows(tables.attempts)} <= {"uncertain"}
