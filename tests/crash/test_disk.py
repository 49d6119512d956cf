"""A disk that is full or read-only: a sentence and nothing changed, or a worker that waits; when there is room, all goes on."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.model.states import CampaignState, MessageState
from campaigns.store import tables
from tests.crash.ground import Ground, Taken, relay, sheet
from tests.doubles.command_line import CommandLine
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

PEOPLE = 20_000
FULL = ("The disk is full", "No space left on device")


class SmallDisk:
    """A disk of its own, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, megabytes: int) -> bool:
        options = f"size={megabytes}m,mode=700"
        return _ran("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder))

    def again(self, options: str) -> None:
        assert _ran("mount", "-o", f"remount,{options}", str(self.folder))

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free, whoever else writes meanwhile."""
        disk = os.statvfs(self.folder)
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            os.posix_fallocate(filler.fileno(), 0, disk.f_bavail * disk.f_frsize - max(but, 1_000_000))
            filler.seek(0, os.SEEK_END)
            left = max(0, 1_000_000 - but)
            with contextlib.suppress(OSError):
                while left > 0:
                    left -= filler.write(bytes(min(left, 4_096)))

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    disk.folder.mkdir()
    if not disk.mount(140):
        pytest.skip("A disk of its own needs the right to mount one: run the tests as root in a container.")
    yield disk
    _ran("umount", "-l", str(disk.folder))


@pytest.fixture
def ground(disk: SmallDisk) -> Ground:
    return Ground(disk.folder / "workspace")


def test_an_import_that_does_not_fit_changes_nothing_and_works_when_there_is_room(
    ground: Ground, disk: SmallDisk, tmp_path: Path
) -> None:
    ground.settle("")
    ground.furnish()
    ground.line.run("import", sheet(tmp_path / "old.csv", 100), "--list", "people")
    new = sheet(tmp_path / "new.csv", PEOPLE)
    for free in (0, 100_000, 1_000_000, 2_500_000):
        disk.fill(but=free)
        refused = ground.line.run("import", new, "--list", "people", status=2)
        assert any(words in refused.err for words in FULL), refused.err
        disk.make_room()
        assert [row.rows for row in ground.rows(tables.sheets) if row.n is not None] == [100]
    assert ground.line.json("import", new, "--list", "people")["good"] == PEOPLE
    assert len(ground.rows(tables.sheets)) == 2
    assert len(ground.rows(tables.recipients)) == 100 + PEOPLE


def test_a_check_that_does_not_fit_queues_nothing_and_works_when_there_is_room(
    ground: Ground, disk: SmallDisk, taken: Taken
) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 4))
        ground.furnish()
        ground.line.run("import", sheet(ground.root / "people.csv", PEOPLE), "--list", "people")
        ground.line.run("create", "fair", "--template", "letter", "--list", "people", "--transport", "relay")
        for free, verb in (
            (0, ("check",)),
            (600_000, ("check",)),
            (0, ("send", "--yes")),
            (600_000, ("send", "--yes")),
        ):
            disk.fill(but=free)
            refused = ground.line.run(*verb, "fair", status=2)
            assert any(words in refused.err for words in FULL), refused.err
            disk.make_room()
            (campaign,) = ground.rows(tables.campaigns)
            assert campaign.state == CampaignState.DRAFT
        ground.finish()
        assert taken.count == 0
        told = ground.line.json("send", "fair", "--yes", "--at", "2099-01-01 09:00")
        assert (told["queued"], len(ground.rows(tables.messages))) == (PEOPLE, PEOPLE)


def test_a_worker_waits_while_the_disk_is_full_and_sends_the_rest_once(
    ground: Ground, disk: SmallDisk, taken: Taken
) -> None:
    with serving(SmtpServer(delay=0.02, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 8))
        ground.fill(3_000)
        with ground.worker() as running:
            taken.reaches(300)
            disk.fill()
            standing, told = -1, {}
            while standing != taken.count:  # until nothing leaves any more
                standing = taken.count
                told = ground.line.json("status", status=1)
            assert standing < 3_000
            assert any("The disk has 0 MB left" in trouble for trouble in told["campaigns"][0]["trouble"])
            disk.make_room()
            assert running.ends(60).status == 0
    got = taken.close()
    assert len(got) == 3_000
    assert set(ground.states().values()) == {MessageState.ACCEPTED}  # what it knew, it wrote when it could


def test_on_a_read_only_disk_every_verb_says_so_in_a_sentence(ground: Ground, disk: SmallDisk, tmp_path: Path) -> None:
    ground.settle(relay(25, 4))
    ground.furnish()
    people = sheet(tmp_path / "people.csv", 10)
    ground.line.run("import", people, "--list", "people")
    ground.line.run("create", "fair", "--template", "letter", "--list", "people", "--transport", "relay")
    disk.again("ro")
    elsewhere = CommandLine(tmp_path, {"MERGECAST_WORKSPACE": str(ground.root)})
    for verb in (
        ("import", people, "--list", "people"),
        ("check", "fair"),
        ("send", "fair", "--yes"),
        ("pause", "fair"),
        ("suppress", "add", "ada@example.org"),
        ("run", "--until-idle"),
    ):
        refused = elsewhere.run(*verb, status=2)
        assert "mistake" not in refused.err, (verb, refused.err)
        assert any(word in refused.err.lower() for word in ("read-only", "cannot be opened")), (verb, refused.err)
        print(verb[0], refused.err.strip())
    disk.again("rw")
    ground.line.run("check", "fair", status=None)


def test_no_workspace_is_made_half_on_a_full_disk(disk: SmallDisk, tmp_path: Path) -> None:
    there = CommandLine(tmp_path)
    for free in (0, 4_096, 50_000, 150_000):
        disk.fill(but=free)
        refused = there.run("init", disk.folder / "new", status=2)
        assert any(words in refused.err for words in FULL), refused.err
        disk.make_room()
        print(free, refused.err.strip(), sorted(path.name for path in disk.folder.rglob("*")))
    there.run("init", disk.folder / "new")


def _ran(*line: str) -> bool:
    try:
        return subprocess.run(line, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False
