"""Patience is lost after its time, and others' use of the processor is no part of that."""

import asyncio
import itertools

import pytest

from tests.doubles import patience


async def test_it_ends_what_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_kept_waiting", lambda: 3.0)
    with pytest.raises(TimeoutError):
        async with patience.patience(0.02):
            await asyncio.Event().wait()


async def test_it_lasts_longer_while_others_have_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    kept_waiting = itertools.count(0.0, 10.0)
    monkeypatch.setattr(patience, "_kept_waiting", lambda: next(kept_waiting))
    async with patience.patience(0.02):
        await asyncio.sleep(0.1)
