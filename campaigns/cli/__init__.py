"""The command line: what people type becomes one action, what it returns is printed."""
