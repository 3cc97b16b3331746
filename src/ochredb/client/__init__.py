"""Chroma's surface over any engine."""
