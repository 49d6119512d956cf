"""Is it fit to send? Small functions that return Findings."""
