"""Proof that nothing acknowledged is lost: writers that are killed, system calls that fail, files that are damaged."""
