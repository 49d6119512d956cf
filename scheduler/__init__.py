"""WHEN and HOW: the long-lived worker that claims messages from the outbox and hands them over."""
