"""WHAT goes to WHOM: from a spreadsheet to frozen messages in the outbox, and what came back."""

__version__ = "0.1.0"
