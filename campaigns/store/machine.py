"""Which machine this is, and which start of it: a store that was carried elsewhere must be told from its original."""

import re
import subprocess
import uuid
from pathlib import Path

_MACHINE_ID = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_id() -> str:
    """The operating system's name for this machine, else its network card's."""
    for path in _MACHINE_ID:
        found = _first_line(path)
        if found is not None and re.fullmatch("[0-9a-f]{32}", found):  # images say "uninitialized", or nothing
            return found
    return f"{uuid.getnode():012x}"


def lasts(machine: str) -> bool:
    """Whether a machine's name says something at its next start, too: a network card may be a container's."""
    return re.fullmatch("[0-9a-f]{12}", machine) is None


def boot_id() -> str:
    """Changes at every start of the machine; empty where the system has no such thing."""
    return _first_line(_BOOT_ID) or _macos_boot_id()


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _macos_boot_id() -> str:
    try:
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip()
