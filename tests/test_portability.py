"""One wheel for every machine: pure Python, and no instruction that an old processor lacks."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"


def test_the_wheel_is_pure_python(tmp_path: Path) -> None:
    """The wheel is for any system, holds no binary, and all that the source has."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib", ".pyc"))]
    files = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert files <= set(names)
    assert "ochredb/py.typed" in names


WORK = """
import numpy as np
import ochredb
client = ochredb.EphemeralClient()
collection = client.create_collection("old_machine", configuration={"hnsw": {"space": "cosine"}})
rows = np.random.default_rng(1).normal(size=(6000, 32)).astype(np.float32)
collection.add(ids=[str(n) for n in range(6000)], embeddings=rows)
client._engine.settle()
assert next(iter(client._engine._collections.values())).vectors.built is not None
found = collection.query(query_embeddings=rows[:20] + 0.01, n_results=1)["ids"]
assert found == [[str(n)] for n in range(20)], found
print("answered")
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86-64 has processors without AVX to think of")
def test_no_avx_is_needed() -> None:
    """With the libraries told to use nothing beyond SSE4.2, everything is found."""
    features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
    old = {"FAISS_OPT_LEVEL": "generic", "NPY_DISABLE_CPU_FEATURES": features, "OPENBLAS_CORETYPE": "Nehalem"}
    ran = subprocess.run(
        [sys.executable, "-c", WORK],
        env={**os.environ, **old, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "answered\n"), ran.stderr
