"""Value types with their arithmetic; standard library only."""
