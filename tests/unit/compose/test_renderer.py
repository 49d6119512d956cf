import json
import os
from pathlib import Path

import pytest
from rendering import ADA, job, source

from campaigns.compose import renderer as module
from campaigns.compose.renderer import Renderer
from campaigns.errors import TemplateError

BODY = '<p>Dear {{ first_name }}</p>{% if amount > 100 %}<p>{{ amount|money("EUR") }}</p>{% endif %}'


def rows(first, last):
    return [(row, json.dumps([f"Name {row}", *ADA[1:]])) for row in range(first, last)]


def test_batches_come_back_in_order_while_the_next_is_under_way():
    with Renderer(job(source(BODY))) as renderer:
        renderer.send(rows(2, 1002))
        seen = []
        for first in (1002, 2002, 3002):
            renderer.send(rows(first, first + 1000))
            seen += renderer.receive().rows
        seen += renderer.receive().rows
    assert [row.row for row in seen] == list(range(2, 4002))
    assert {row.shape for row in seen} == {0}
    assert seen[5].values == "Name 7\x001.234,50\xa0€\0"


def test_a_shape_comes_once_with_its_number_and_images_and_findings_cross_the_pipe():
    with Renderer(job(source("{{ first_name }}<p>{{ items }}</p>"))) as renderer:
        one = renderer.render([(2, json.dumps([None, *ADA[1:]]))])
        two = renderer.render(rows(3, 5))
    assert [number for number, _ in one.shapes] == [0]
    assert (two.shapes, two.count) == ([], 1)
    assert [(found.code, found.first_rows) for found in one.findings] == [("empty_field", (2,))]


def test_an_image_crosses_the_pipe(tmp_path):
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001"
        "e221bc330000000049454e44ae426082"
    )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "dot.png").write_bytes(png)
    asked = job(source('<img src="dot.png" alt="dot">'))
    asked = type(asked)(**{**asked.__dict__, "workspace_root": tmp_path})
    with Renderer(asked) as renderer:
        ((_, shape),) = renderer.render(rows(2, 3)).shapes
    assert [image.data for image in shape.images] == [png]


def test_a_template_that_cannot_be_used_is_an_error_with_its_place():
    with pytest.raises(TemplateError) as caught, Renderer(job(source("{% if %}"))):
        pass
    assert (caught.value.where.file, caught.value.where.line) == ("mail.html", 4)
    assert caught.value.source_line == "{% if %}"


def test_a_child_that_is_killed_loses_nothing():
    with Renderer(job(source(BODY))) as renderer:
        first = renderer.render(rows(2, 10))
        renderer.send(rows(10, 60))
        renderer.send(rows(60, 90))
        renderer._child._process.kill()
        second, third = renderer.receive(), renderer.receive()
        fourth = renderer.render(rows(90, 92))
    got = [*first.rows, *second.rows, *third.rows, *fourth.rows]
    assert [row.row for row in got] == list(range(2, 92))
    assert all(row.problem is None for row in got)
    numbers = [number for batch in (first, second, third, fourth) for number, _ in batch.shapes]
    assert len(numbers) == len(set(numbers))  # none is given to another shape


def test_a_deadline_that_passes_is_a_death_too():
    with Renderer(job(source(BODY)), seconds_per_batch=0.001) as renderer:
        batch = renderer.render(rows(2, 400))
    assert [row.row for row in batch.rows] == list(range(2, 400))
    assert all(row.problem is None for row in batch.rows)


def test_the_row_that_ends_the_child_is_named_and_the_others_are_rendered(monkeypatch):
    monkeypatch.setattr(module, "_batch", lambda batch, sent=module._batch: _deadly(batch, sent, {7}))
    with Renderer(job(source(BODY))) as renderer:
        batch = renderer.render(rows(2, 12))
        after = renderer.render(rows(12, 14))
    wrong = [row for row in batch.rows if row.problem]
    assert [(row.row, row.shape, row.problem.code, row.problem.severity, row.problem.first_rows) for row in wrong] == [
        (7, -1, "template_stopped", "stops", (7,))
    ]
    assert len(batch.rows) == 10
    assert [row.row for row in after.rows] == [12, 13]


def test_after_three_deadly_rows_no_more_time_is_spent(monkeypatch):
    monkeypatch.setattr(module, "_batch", lambda batch, sent=module._batch: _deadly(batch, sent, set(range(4, 99))))
    started = []
    monkeypatch.setattr(module, "_Child", lambda child=module._Child: started.append(1) or child())
    with Renderer(job(source(BODY))) as renderer:
        batch = renderer.render(rows(2, 50))
        renderer.send(rows(50, 60))
        after = renderer.receive()
    assert [row.row for row in batch.rows if not row.problem] == [2, 3]
    assert len(batch.rows) == 48
    assert all(row.problem.code == "template_stopped" for row in after.rows)
    assert len(started) <= 5


def test_no_process_stays_behind():
    with Renderer(job(source(BODY))) as renderer:
        pid = renderer._child._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_library_beside_the_template_is_not_imported(tmp_path: Path, monkeypatch):
    (tmp_path / "jinja2.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    with Renderer(job(source(BODY))) as renderer:
        assert renderer.render(rows(2, 3)).rows[0].shape == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_memory_does_not_grow_with_shapes():
    body = "<p>{{ first_name }}</p>" + "<p>Some words to make the mail longer.</p>" * 40
    body += "{% for n in range(amount|int) %}<i>{{ n }}</i>{% endfor %}"
    sizes = []
    with Renderer(job(source(body))) as renderer:
        for first in range(2, 6002, 1000):
            batch = [(row, json.dumps(["Ada", [str(row), row % 400], *ADA[2:]])) for row in range(first, first + 40)]
            renderer.render(batch)
            sizes.append(int(Path(f"/proc/{renderer._child._process.pid}/statm").read_text().split()[1]) * 4096)
    assert max(sizes) < 110_000_000


def _deadly(batch, sent, deadly):
    return b"no JSON" if any(row in deadly for row, _ in batch) else sent(batch)
