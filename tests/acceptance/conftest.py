from collections.abc import Iterator

import pytest

from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with serving(SmtpServer()) as server:
        yield server
