"""What systemd hears, on real datagram sockets."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from campaigns.clock import SystemClock
from campaigns.model.states import MessageState
from campaigns.store.engine import Connection, Store
from scheduler.doing import Beat
from scheduler.systemd import Systemd
from scheduler.worker import Way, Worker
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, virtually


class Manager:
    """The far end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.setblocking(False)

    def heard(self) -> list[dict[str, str]]:
        """The datagrams since it was last asked."""
        found = []
        while True:
            try:
                told = self._socket.recv(65_536).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in told.split("\n")))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    manager = Manager(address)
    yield manager
    manager.close()


def beat(troubles: Any = (), campaigns: Any = None, disk: str = "") -> Beat:
    doing = {"campaigns": campaigns or {}, "troubles": list(troubles), "disk": disk}
    return Beat(doing=doing, refusal="", free=10**9, settled={}, rests={})


def test_a_worker_says_ready_alive_and_stopping(stage: Any, manager: Manager, address: str) -> None:
    add_campaign(stage.store, "fair", 100, throttles="20/s", now=int(START.timestamp() * 1_000_000))
    told: list[dict[str, str]] = []

    async def play(clock: VirtualClock) -> None:
        systemd = Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "5000000"})
        worker = stage.worker(clock, Way(ScriptedTransport(clock, connections=2)), listeners=[systemd])
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(4.5)
        told.extend(manager.heard())
        worker.stop()
        await running

    virtually(play)
    assert told[0] == {"READY": "1", "STATUS": "Started."}
    assert {"WATCHDOG": "1", "STATUS": "Sending 1 campaign: 20.0 mails/s."} in told
    assert all(one["WATCHDOG"] == "1" for one in told[1:])
    stopping = manager.heard()[-1]
    assert stopping["STOPPING"] == stopping["WATCHDOG"] == "1"
    assert int(stopping["WATCHDOG_USEC"]) > 32_000_000  # the longest that the end may take


class Started(Systemd):
    """Lets the test go on when the worker has started."""

    def __init__(self, address: str) -> None:
        super().__init__({"NOTIFY_SOCKET": address})
        self.event = asyncio.Event()

    def started(self) -> None:
        super().started()
        self.event.set()


async def test_a_writer_that_stands_still_is_not_said_to_live(
    store: Store, tmp_path: Path, manager: Manager, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, goes_on, systemd = threading.Event(), threading.Event(), Started(address)
    ways = [Way(ScriptedTransport(SystemClock()))]
    worker = Worker(store, ways, clock=SystemClock(), version="test", folder=tmp_path, listeners=[systemd])
    running = asyncio.create_task(worker.run())
    await systemd.event.wait()
    assert manager.heard()[0]["READY"] == "1"
    write = store.write_page

    @contextmanager
    def hanging() -> Iterator[Connection]:
        entered.set()
        goes_on.wait()
        with write() as connection:
            yield connection

    monkeypatch.setattr(store, "write_page", hanging)
    beating = asyncio.create_task(worker.beat())
    await asyncio.to_thread(entered.wait)
    assert not beating.done()
    assert manager.heard() == []
    goes_on.set()
    await beating
    assert manager.heard()[0]["WATCHDOG"] == "1"
    worker.stop()
    await running


def test_a_server_s_words_cannot_say_anything_in_its_name(manager: Manager, address: str) -> None:
    words = "451 later\nMAINPID=1\r\nREADY=1 " + "x" * 500
    Systemd({"NOTIFY_SOCKET": address}).beat(beat([{"transport": "relay", "sentence": words}]))
    (told,) = manager.heard()
    assert told.keys() == {"WATCHDOG", "STATUS"}
    assert told["STATUS"].startswith("relay: 451 later MAINPID=1 READY=1")
    assert len(told["STATUS"]) == 200


def test_an_abstract_socket_is_reached_by_its_name() -> None:
    address = f"@mergecast-test-{os.getpid()}"
    manager = Manager(address)
    Systemd({"NOTIFY_SOCKET": address}).started()
    assert manager.heard()[0]["READY"] == "1"
    manager.close()


def test_what_stops_all_mail_is_said_first(manager: Manager, address: str) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": address})
    systemd.beat(beat([{"transport": "relay", "sentence": "No answer."}], disk="Only 3 MB are free."))
    systemd.beat(beat())
    assert [told["STATUS"] for told in manager.heard()] == ["Only 3 MB are free.", "Nothing to send."]


@pytest.mark.parametrize("variable", ["", "relative/path", "vsock:2:1234", "/nowhere/at/all"])
def test_where_nobody_listens_the_worker_goes_on(stage: Any, variable: str) -> None:
    campaign = add_campaign(stage.store, "fair", 20, now=int(START.timestamp() * 1_000_000))

    async def play(clock: VirtualClock) -> None:
        listeners = [Systemd({"NOTIFY_SOCKET": variable} if variable else {})]
        await stage.worker(clock, Way(ScriptedTransport(clock)), listeners=listeners).run(until_idle=True)

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 20}
