"""How fast, how large, how punctual: measured side by side with what else does the work, in one run.

make bench                                the whole table
python -m benchmarks smtp --quick         one benchmark, 10,000 recipients
"""
