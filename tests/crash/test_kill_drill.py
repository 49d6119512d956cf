"""kill -9 of the worker, over and over: nobody gets two mails, nobody is lost, and what is uncertain says so.

Six hundred kills are `make drill` (`python -m tests.crash`).
"""

import random
import ssl
import time
from pathlib import Path

import trustme

from campaigns.model.states import MessageState
from tests.crash.ground import Ground, Taken, accounted_for, dice, drawn, kill, relay
from tests.doubles.sendgrid_double import KEY, SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

ANSWERS_AFTER = 0.02  # seconds


def test_twenty_kills_in_five_thousand_mails_over_smtp(ground: Ground, taken: Taken) -> None:
    connections = 8
    with serving(SmtpServer(delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, connections))
        ground.prepare(5_000)
        drill(ground, taken, drawn(dice(), 20, 50, 400, at_most=4_800), most=connections)
    assert not server.faults
    accounted_for(ground, taken.close(), 5_000)

    told = ground.line.json("report", "fair")
    assert told["adds_up"]
    assert told["messages"]["accepted"] + told["messages"]["uncertain"] == 5_000
    assert ground.line.json("status", status=None)["campaigns"][0]["state"] == "finished"


def test_kills_over_smtp_without_pipelining(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(offers=("8BITMIME",), delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 8))
        ground.fill(600)
        drill(ground, taken, drawn(dice(), 5, 20, 120, at_most=550), most=8)
    assert not server.faults
    accounted_for(ground, taken.close(), 600)


def test_kills_over_smtp_with_tls_and_a_login(ground: Ground, taken: Taken, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    users = {"ada": "p4ssw örd"}
    with serving(SmtpServer(tls=context, users=users, delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        login = {"tls": "starttls", "user": "ada", "ca_file": str(tmp_path / "ca.pem")}
        secrets = f'[transports.relay]\npassword = "{users["ada"]}"\n'
        ground.settle(relay(server.port, 8, **login), secrets)
        ground.fill(600)
        drill(ground, taken, drawn(dice(), 5, 20, 120, at_most=550), most=8)
    assert not server.faults
    accounted_for(ground, taken.close(), 600)


def test_kills_over_sendgrid_leave_at_most_a_request_a_connection_uncertain(ground: Ground, taken: Taken) -> None:
    batch, connections = 100, 4
    with serving(SendgridDouble(delay=ANSWERS_AFTER, on_mails=taken.mails)) as double:
        toml = f'kind = "sendgrid"\nbase_url = "{double.url}"\nbatch = {batch}\nconnections = {connections}\n'
        ground.settle(f"[transports.cloud]\n{toml}", f'[transports.cloud]\napi_key = "{KEY}"\n')
        ground.fill(6_000, transport="cloud")
        drill(ground, taken, drawn(dice(), 6, 100, 1_000, at_most=5_000), most=batch * connections)
    assert all(not mail.left_tags and not mail.ambiguous for mail in double.mails)
    accounted_for(ground, taken.close(), 6_000)


def drill(ground: Ground, taken: Taken, falls: list[int], *, most: int) -> None:
    """Start the worker and kill it, once for each of `falls`, then let it run to its end."""
    began = time.monotonic()
    for further in falls:
        before = ground.count(MessageState.UNCERTAIN) + ground.count(MessageState.LEASED)
        with ground.worker() as running:
            taken.reaches(taken.count + further)
            time.sleep(random.uniform(0, 2 * ANSWERS_AFTER))  # a kill at any point of a round trip
            kill(running)
        leased = ground.count(MessageState.LEASED)
        assert leased <= most
        assert ground.count(MessageState.UNCERTAIN) == before  # what the kill before this one left leased, no more
        print(f"killed after {taken.count} mails, {leased} leased")
    ground.finish()
    print(f"{len(falls)} kills and {taken.count} mails in {time.monotonic() - began:.1f} s")
