"""What the benchmarks stand on: a workspace, a list of invented people, and a mail of 5 KB with six merge fields."""

import csv
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from campaigns.clock import SystemClock
from campaigns.settings import load_settings
from campaigns.store.migrate import create_store
from campaigns.workspace import Workspace
from sample_data.make_large import HEADER, people

LIST, CAMPAIGN, TEMPLATE = "people", "bench", "letter"
KEY = "SG.a-key-of-the-double"
FIELDS = ("first_name", "last_name", "city", "orders", "revenue", "last_order")  # six; `{{ city }}` stands twice

_SETTINGS = """zone = "UTC"
keep_sheets = false
[sender]
from = "The Pottery Fair <fair@mergecast-fair.org>"
[transports.relay]
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
[transports.cloud]
kind = "sendgrid"
base_url = "http://127.0.0.1:{port}"
batch = {batch}
connections = {connections}
"""
_WORDS = (
    "The kilns have cooled, the shelves are full again, and this spring forty-two potters bring their bowls, jugs and "
    "tiles to the old tram depot. There is a wheel to try, a table where children glaze, and coffee all day long."
)


def new_workspace(root: Path) -> Workspace:
    """A workspace with the template in it."""
    (root / "templates").mkdir(mode=0o700, parents=True)
    (root / "templates" / f"{TEMPLATE}.html").write_text(letter(), encoding="utf-8")
    workspace = settle(root)
    create_store(workspace.database_url, made_by="benchmark", clock=SystemClock())
    return workspace


def settle(root: Path, port: int = 9, connections: int = 4, batch: int = 1_000) -> Workspace:
    """Write the settings; both ways out lead to `port` on this machine."""
    path = root / "mergecast.toml"
    path.write_text(_SETTINGS.format(port=port, connections=connections, batch=batch), encoding="utf-8")
    return Workspace(root, load_settings(root, environment(), secrets=True))


def environment() -> Mapping[str, str]:
    return {"MERGECAST_TRANSPORTS__CLOUD__API_KEY": KEY}


def letter(paragraphs: int = 7) -> str:
    """The template; with the text part that is made of it, and the headers, a mail has about 5 KB."""
    body = "\n".join(f'<p class="text">{_WORDS}</p>' for _ in range(paragraphs))
    return f"""---
subject: {{{{ first_name|default("Friend") }}}}, the spring fair is open
---
<html><head><style>.text {{ margin: 0 0 1em; color: #333 }}</style></head><body>
<h1>Dear {{{{ first_name|default("Friend") }}}} {{{{ last_name }}}},</h1>
<p>You have been with us {{{{ orders }}}} times, for {{{{ revenue }}}} euros, the last time on {{{{ last_order }}}}.</p>
{body}
<p>Shall we see you in {{{{ city }}}}? <a href="https://mergecast-fair.org/in/{{{{ city }}}}">The way there</a></p>
<p><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></p>
</body></html>
"""


def write_sheet(path: Path, rows: int) -> None:
    """As .csv or .xlsx, by the path's ending."""
    if path.suffix == ".xlsx":
        _write_workbook(path, rows)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        lines.writerows(people(rows))


def _write_workbook(path: Path, rows: int) -> None:
    """As Excel does it: shared strings, amounts and days with a type and a format."""
    from xlsxwriter import Workbook

    with Workbook(path) as book:
        sheet = book.add_worksheet("People")
        money, day = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEADER)
        for row, (*texts, orders, revenue, last_order) in enumerate(people(rows), 1):
            sheet.write_row(row, 0, texts)
            sheet.write_number(row, len(texts), int(orders))
            sheet.write_number(row, len(texts) + 1, float(revenue), money)
            sheet.write_datetime(row, len(texts) + 2, datetime.fromisoformat(last_order), day)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def is_root() -> bool:
    return os.geteuid() == 0
