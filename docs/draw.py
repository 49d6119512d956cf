"""Draw the plan in docs/plan.md: `python docs/draw.py`. A campaign of invented people is planned by the commands themselves."""

import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "America/Los_Angeles")
PEOPLE = 60_000
SETTINGS = """
zone = "Europe/Berlin"
[sender]
from = "Ada <ada@mergecast-fair.org>"
[transports.relay]
kind = "smtp"
host = "smtp.example.com"
throttle = ["3/s"]
[limits."example.org"]
throttle = ["15/min"]
"""
LETTER = "---\nsubject: The fair\n---\nDear {{ first_name }}, come to the fair.\n\n[leave]({{ unsubscribe_url }})\n"
CREATE = "create fair --template letter --list people --transport relay --zone recipient"
OPTIONS = ("--at", "Tuesday 09:00", "--window", "mon-fri 09:00-10:00")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        mergecast(here, "init")
        (here / "mergecast.toml").write_text(SETTINGS, encoding="utf-8")
        (here / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")
        (here / "people.csv").write_text(
            "email,first_name,zone\n" + "".join(map(person, range(PEOPLE))), encoding="utf-8"
        )
        mergecast(here, "import", "people.csv", "--list", "people")
        mergecast(here, *CREATE.split(), *OPTIONS)
        mergecast(here, "plan", "fair", "--png", str(DOCS / "plan.png"))


def person(n: int) -> str:
    domain = "example.com" if n % 10 else "example.org"
    return f"p{n}@{domain},Person {n},{ZONES[n // 10 % len(ZONES)]}\n"


def mergecast(here: Path, *words: str) -> None:
    command = [sys.executable, "-c", "import sys; from scheduler.cli import main; sys.exit(main())", *words]
    subprocess.run(command, cwd=here, check=True)  # noqa: S603 - our own command


if __name__ == "__main__":
    main()
