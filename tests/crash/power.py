"""Power cuts: a workspace on a disk that forgets whatever was not synced, and what stands on it afterwards.

A worker is preloaded with `platter.c`, which keeps what it brings to the disk. The cut is a SIGKILL; then the files of
the workspace become what a disk may show after it: what was synced, and of the rest nothing, or some blocks here and
there, torn and in any order. SQLite's `-shm` is memory, and gone.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from campaigns.model.states import MessageState
from tests.crash.ground import Ground, Taken, handle_of

_BLOCK = 512  # bytes that a disk writes wholly or not at all
_SOURCE = Path(__file__).with_name("platter.c")


def compiled(folder: Path) -> Path | None:
    """The library to preload; None where there is no C compiler, or no Linux."""
    library = folder / "platter.so"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/proc/self/fd").exists():
        return None
    line = [compiler, "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"]
    return library if subprocess.run(line, capture_output=True, check=False).returncode == 0 else None


class Platter:
    """What has been brought to the disk of one workspace."""

    def __init__(self, workspace: Path, kept: Path, library: Path) -> None:
        self._workspace = workspace.resolve()
        self._kept = kept
        self.env = {"LD_PRELOAD": str(library), "PLATTER": str(kept), "PLATTER_OF": str(self._workspace)}
        self.sync()

    def sync(self) -> None:
        """Everything as it stands now is on the disk; call it again after anybody wrote without the library."""
        shutil.rmtree(self._kept, ignore_errors=True)
        for folder in ("data", "names"):
            (self._kept / folder).mkdir(parents=True)
        for path in self._files():
            inode = path.stat().st_ino
            shutil.copyfile(path, self._kept / "data" / str(inode))
            self._name(path).write_text(str(inode))

    def cut(self, chance: random.Random, survives: float) -> None:
        """After the processes were killed: each block, each name that was not synced is there with that probability."""
        for path in self._files():
            if path.name.endswith("-shm") or not (self._name(path).exists() or chance.random() < survives):
                path.unlink()
                continue
            synced = self._kept / "data" / str(path.stat().st_ino)
            before = synced.read_bytes() if synced.exists() else b""
            with path.open("r+b") as file:  # in place: a power cut changes no inode
                torn = _torn(before, file.read(), chance, survives)
                file.seek(0)
                file.write(torn)
                file.truncate()

    def forgets(self) -> bool:
        """Whether the cut would take anything of the database's log."""
        log = self._workspace / "mergecast.db-wal"
        synced = self._kept / "data" / str(log.stat().st_ino)
        return not synced.exists() or synced.read_bytes() != log.read_bytes()

    def _files(self) -> list[Path]:
        return [path for path in self._workspace.rglob("*") if path.is_file()]

    def _name(self, path: Path) -> Path:
        return self._kept / "names" / str(path.relative_to(self._workspace)).replace(os.sep, "%")


def _torn(synced: bytes, written: bytes, chance: random.Random, survives: float) -> bytes:
    """Blocks of what was written over what was synced; a file that grew may have holes, one that shrank may not have."""
    made = bytearray(synced)
    for start in range(0, len(written), _BLOCK):
        block = written[start : start + _BLOCK]
        if block != synced[start : start + _BLOCK] and chance.random() < survives:
            made.extend(bytes(max(0, start + len(block) - len(made))))
            made[start : start + len(block)] = block
    return bytes(made)


def run_until_cut(
    ground: Ground, taken: Taken, platter: Platter, further: int, then: float, *, point: str = "nowhere"
) -> None:
    """A worker, killed once so many further mails were taken, and some seconds later."""
    line = [sys.executable, "-m", "tests.crash.crashing_worker", point, "0"]
    env = ground.line.environment() | platter.env
    platter.sync()
    worker = subprocess.Popen(line, cwd=ground.root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        taken.reaches(taken.count + further)
        time.sleep(then)  # a cut at any point of a round trip
    finally:
        worker.kill()
        worker.wait()


def sent_but_queued(ground: Ground, taken: Taken) -> set[str]:
    """Whom the server has taken, and the disk says has still to be sent."""
    queued = {name for name, state in ground.states().items() if state is MessageState.QUEUED}
    return queued & {handle_of(message_id) for message_id in taken.message_ids()}
