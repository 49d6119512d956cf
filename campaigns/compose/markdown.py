"""Markdown to HTML: CommonMark and tables; HTML in it stays, since a template is its author's own."""

from markdown_it import MarkdownIt

# Indented code is off: people indent what stands inside {% if %}, and mean no code by it.
_MARKDOWN = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").disable("code")


def as_html(markdown: str) -> str:
    """The HTML of a Markdown text, without a page around it."""
    return str(_MARKDOWN.render(markdown))
