"""Engines somewhere else, one file or folder each; none imports another."""
