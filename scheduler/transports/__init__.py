"""The ways out: one file for each kind of transport, all under the one contract of `contract.py`."""
