"""Records on the move: sources of them, files that hold them, and the copy from a source into an engine."""
