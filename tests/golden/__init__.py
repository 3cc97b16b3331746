"""A folder of each released format, and what it must say for ever."""
