"""The renderer's child without its process: the same session in this one, for tests that check many campaigns.

A start of the real child costs a third of a second. Its bounds are tested with the sandbox.
"""

import json
from collections import deque
from dataclasses import asdict

import pytest

from campaigns.compose import renderer
from campaigns.compose.child import _as_json
from campaigns.compose.job import job_from_json
from campaigns.compose.render import Session


class ChildHere:
    def __init__(self) -> None:
        self._session: Session | None = None
        self._answers: deque[bytes] = deque()

    def send(self, payload: bytes) -> None:
        asked = json.loads(payload)
        if self._session is None:
            self._session = Session(job_from_json(asked["job"]), asked["first_shape"])
            answer = {"inspection": asdict(self._session.inspection())}
        elif asked is None:
            answer = {"findings": [asdict(one) for one in self._session.conclusion()]}
        else:
            answer = _as_json(self._session.render(asked), self._session.shapes)
        self._answers.append(json.dumps(answer).encode())

    def receive(self, seconds: float) -> bytes:
        return self._answers.popleft()

    def close(self) -> None:
        pass


def render_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "_Child", ChildHere)
