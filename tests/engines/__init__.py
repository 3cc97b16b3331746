"""Engines somewhere else, the real ones: `python -m tests.engines` starts Milvus and runs what is here."""
