"""One verb a file, one transaction each: all that a face may call."""
