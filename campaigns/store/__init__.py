"""The tables, and the only importer of SQLAlchemy."""
