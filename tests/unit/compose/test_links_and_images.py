import email.message
import hashlib

import pytest
from laying_out import M, codes, laid_out, shown

from campaigns.compose.images import ImageFolder, image_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    for folder in ("templates/img", "attachments"):
        (root / folder).mkdir(parents=True)
    (root / "templates/logo.png").write_bytes(PNG)
    (root / "templates/img/my photo.jpg").write_bytes(b"\xff\xd8\xff" + b"\0" * 40)
    (root / "attachments/card.gif").write_bytes(b"GIF89a" + b"\0" * 40)
    (root / "attachments/same.png").write_bytes(PNG)
    (root / "attachments/drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (root / "templates/notes.png").write_text("no picture")
    (tmp_path / "secret.png").write_bytes(PNG)
    return root


@pytest.fixture
def folder(workspace):
    return ImageFolder(workspace, workspace / "templates")


def with_image(source: str) -> str:
    return f'<img alt="x" src="{source}">'


@pytest.mark.parametrize(
    ("source", "mime_type"),
    [
        ("logo.png", "image/png"),
        ("./logo.png", "image/png"),
        ("img/my%20photo.jpg", "image/jpeg"),
        ("img/my photo.jpg", "image/jpeg"),
        ("card.gif", "image/gif"),
        ("../attachments/card.gif", "image/gif"),
        ("templates/logo.png?v=2", "image/png"),
    ],
)
def test_a_picture_of_the_workspace_travels_with_the_mail(folder, source, mime_type):
    result = laid_out("html", with_image(source), folder)
    (image,) = result.shape.images
    assert codes(result) == []
    assert image.mime_type == mime_type
    assert f'src="cid:{image.cid}"' in shown(result.shape.html)


def test_a_cid_is_fit_for_a_header_and_made_of_the_content(folder):
    (image,) = laid_out("html", with_image("logo.png"), folder).shape.images
    assert image.cid.startswith(hashlib.sha256(PNG).hexdigest()[:24] + "@")
    part = email.message.Message()
    part["Content-ID"] = f"<{image.cid}>"
    assert part.as_string().isascii()


def test_one_picture_used_twice_travels_once(folder):
    body = with_image("logo.png") * 2 + with_image("../attachments/same.png")
    result = laid_out("html", body, folder)
    assert len(result.shape.images) == 1
    assert shown(result.shape.html).count("cid:") == 3


@pytest.mark.parametrize(
    "source",
    [
        "missing.png",
        "/etc/hostname",
        "file:///home/ada/logo.png",
        r"C:\Users\Ada\logo.png",
        "C:/Users/Ada/logo.png",
        r"\\server\share\logo.png",
        "../../secret.png",
        "notes.png",
        "//cdn.x.example/logo.png",
        "cid:logo",
        f"img/{M[0]}.png",
        "templates",
        "a" * 5000,
        "x%00y.png",
    ],
)
def test_a_picture_that_nobody_else_can_see_stops(folder, source):
    (finding,) = laid_out("html", with_image(source), folder).findings
    assert finding.code == "image_on_disk"
    assert finding.severity == "stops"
    assert finding.remedy


def test_a_link_out_of_the_workspace_is_not_followed(folder, workspace):
    (workspace / "templates/out.png").symlink_to(workspace.parent / "secret.png")
    (finding,) = laid_out("html", with_image("out.png"), folder).findings
    assert "outside of the workspace" in finding.sentence


def test_bad_pictures_have_a_finding_each_and_many_of_them_do_not_fill_the_screen(folder):
    body = "".join(with_image(f"missing{n}.png") for n in range(9))
    findings = laid_out("html", body, folder).findings
    assert len(findings) == 5
    assert "missing0.png" in findings[0].sentence
    assert "And 4 more like it." in findings[-1].sentence


@pytest.mark.parametrize("body", [
    '<table background="logo.png"></table>',
    "<p style=\"background:url('logo.png')\">x</p>",
    '<p style="background: URL(logo.png) no-repeat">x</p>',
    "<style>@media print{p{background:url(logo.png)}}</style><p>x</p>",
    '<!--[if mso]><v:fill src="logo.png" /><![endif]-->',
])  # fmt: skip
def test_background_pictures_travel_too(folder, body):
    result = laid_out("html", body, folder)
    assert f"cid:{result.shape.images[0].cid}" in shown(result.shape.html)


def test_mjml_pictures_travel_too(folder):
    body = '<mjml><mj-body><mj-section background-url="logo.png"><mj-column><mj-image alt="x" src="card.gif" /></mj-column></mj-section></mj-body></mjml>'
    result = laid_out("mjml", body, folder)
    assert {image.file_name for image in result.shape.images} == {"logo.png", "card.gif"}
    assert "logo.png" not in shown(result.shape.html)
    assert codes(result) == []


@pytest.mark.parametrize(("body", "code"), [
    ('<img src="https://x.example/a.png">', "image_without_text"),
    (with_image("data:image/png;base64,AAAA"), "image_not_shown"),
    (with_image("../attachments/drawing.svg"), "image_not_shown"),
    ('<a href="#">x</a>', "dead_link"),
    ('<a href="">x</a>', "dead_link"),
    ('<a href="www.x.example">x</a>', "dead_link"),
])  # fmt: skip
def test_what_some_will_not_see_is_a_warning(folder, body, code):
    (finding,) = laid_out("html", body, folder).findings
    assert (finding.code, finding.severity) == (code, "warns")


@pytest.mark.parametrize("url", [
    "javascript:alert(1)", "JaVaScript:alert(1)", "java&#10;script:alert(1)", "&#106;avascript:x", " javascript:x",
    "data:text/html,x", "vbscript:x", "file:///etc/passwd", "C:\\x.doc", r"\\server\x", "cid:x",
])  # fmt: skip
def test_a_link_that_is_no_link_stops(url):
    (finding,) = laid_out("html", f'<a href="{url}">x</a>').findings
    assert (finding.code, finding.severity) == ("unsafe_link", "stops")


@pytest.mark.parametrize("url", ["https://x.example", "mailto:ada@example.com", "tel:+49301", "#top", "sms:1", M[0]])
def test_ordinary_links_are_nothing_to_speak_of(url):
    assert codes(laid_out("html", f'<a href="{url}">x</a>')) == []


def test_a_style_sheet_on_disk_stops_and_is_not_read(folder, workspace):
    (workspace / "templates/style.css").write_text("p { color: rgb(1, 2, 3) }")
    sheet = workspace / "templates/style.css"
    for href in ("style.css", str(sheet), f"file://{sheet}"):
        result = laid_out(
            "html", f'<html><head><link rel="stylesheet" href="{href}"></head><body><p>x</p></body></html>', folder
        )
        assert codes(result)[0] == "style_sheet_on_disk"
        assert "rgb(1" not in shown(result.shape.html)


def test_heavy_pictures_are_a_warning(folder, workspace):
    (workspace / "templates/heavy.png").write_bytes(PNG + b"\0" * 2_500_000)
    (finding,) = laid_out("html", with_image("heavy.png"), folder).findings
    assert finding.code == "images_heavy"
    assert "2.5 MB" in finding.sentence


@pytest.mark.parametrize(("data", "kind"), [
    (PNG, "image/png"), (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"GIF87a", "image/gif"),
    (b"<html>", None), (b"", None), (b'<?xml version="1.0"?><svg/>', "image/svg+xml"), (b"<?xml?><html/>", None),
])  # fmt: skip
def test_a_picture_is_known_by_its_content(data, kind):
    assert image_type(data) == kind
