"""From a template to shapes and from a recipient to slots; Jinja, Markdown, MJML and inlining live here."""
