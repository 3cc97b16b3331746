"""How hard the random tests try: `pytest --hypothesis-profile=thorough` for a long run."""

import os

import pytest
from hypothesis import settings

# The assertions of the shipped contract are explained as those of a test file are.
pytest.register_assert_rewrite("ochredb.testing.compare", "ochredb.testing.contract", "ochredb.testing.machine")

settings.register_profile("default", max_examples=35, deadline=None, derandomize=os.environ.get("CI") == "true")
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("default")
