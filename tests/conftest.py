"""How the whole suite runs; what single folders stand on is in their own `conftest.py`."""

import gc

import pytest

# What takes longest begins first: the worker that would have got it last would be waited for alone.
FIRST = ("tests/year/", "tests/crash/", "tests/acceptance/")


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays within each part
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next((n for n, folder in enumerate(FIRST) if item.nodeid.startswith(folder)), len(FIRST))
    )


def pytest_collection_finish() -> None:
    """The collector looks no more at thousands of tests and all libraries, each time that it looks for what a test left."""
    gc.collect()
    gc.freeze()
