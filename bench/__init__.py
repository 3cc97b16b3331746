"""Ochre beside its peers: the same questions, rows and machine, one process at a time.

`python -m bench` runs it. A file in `questions/` asks one question and yields cases; `workload.py` times them inside
the interpreter of a peer; a file in `peers/` is a peer; the runner keeps every sample and prints the table.
"""
