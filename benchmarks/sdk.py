"""Sends mails one by one through SendGrid's own library, and prints the seconds it took; runs in a venv that has it.

python sdk.py MAILS PORT KEY      MAILS: a line of JSON each, {to, subject, text, html}
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    from sendgrid import SendGridAPIClient  # type: ignore[import-not-found]
    from sendgrid.helpers.mail import Mail  # type: ignore[import-not-found]

    mails, port, key = sys.argv[1:]
    messages = [json.loads(line) for line in Path(mails).read_text(encoding="utf-8").splitlines()]
    client = SendGridAPIClient(key, host=f"http://127.0.0.1:{port}")
    sender = ("fair@mergecast-fair.org", "The Pottery Fair")
    began = time.perf_counter()
    for one in messages:
        answer = client.send(Mail(sender, one["to"], one["subject"], one["text"], one["html"]))
        assert answer.status_code == 202, answer.status_code
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
