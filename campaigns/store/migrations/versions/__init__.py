"""The history of the tables: one module a step, frozen once it was released."""
