"""What kind of file system a folder lies on, and what may be expected of it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "afp",
    "9p",
    "afs",
    "ceph",
    "gluster",
    "webdav",
    "sshfs",
    "davfs",
    "virtiofs",
    "vboxsf",
)
_NUMBERS_ANEW = ("fat", "msdos", "fuse", "fakeowner")  # FAT has no inodes; what goes through a program may make them up


def filesystem_of(path: Path) -> str:
    """The kind of the file system that `path` lies on, as the system's list of mounts names it; empty if unknown."""
    found, length = "", -1
    for point, kind in _mounts():
        if path.is_relative_to(point) and len(point) >= length:  # a later mount covers an earlier one
            found, length = kind, len(point)
    return found.lower()


def is_network(kind: str) -> bool:
    return any(sign in kind for sign in _NETWORK)


def keeps_inodes(kind: str) -> bool:
    """Whether a file has the same inode after the file system was mounted again."""
    return not is_network(kind) and not any(sign in kind for sign in _NUMBERS_ANEW)


def _mounts() -> Iterator[tuple[str, str]]:
    if sys.platform == "darwin":
        listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=10, check=False).stdout
        for line in listed.splitlines():  # "//ada@server/share on /Volumes/share (smbfs, nodev, ...)"
            point, _, rest = line.partition(" on ")[2].rpartition(" (")
            yield point, rest.partition(",")[0].rstrip(")")
        return
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        yield point.replace("\\040", " "), kind
