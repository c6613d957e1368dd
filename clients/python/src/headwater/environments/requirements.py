"""What @pypi and @conda say, as requirements: versions as people write them, names of conda as the index has them.

Pure."""

from __future__ import annotations

import re

from headwater.flow.packages import PackageSet

_EXACT = re.compile(r"^\d[\w.!+-]*$")
_WILD = re.compile(r"^\d[\w.]*\*$")
_CONDA_LOOSE = re.compile(r"^=(?!=)\s*(\d[\w.]*?)(\.\*)?$")
# Packages that conda and the package index name differently.
CONDA_NAMES = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "pytorch-lightning": "pytorch-lightning",
    "tensorflow-gpu": "tensorflow",
    "matplotlib-base": "matplotlib",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "libopencv": "opencv-python",
    "pytables": "tables",
    "msgpack-python": "msgpack",
    "py-xgboost": "xgboost",
    "py-lightgbm": "lightgbm",
    "ruamel_yaml": "ruamel.yaml",
    "dask-core": "dask",
    "prefect-core": "prefect",
    "seaborn-base": "seaborn",
    "jupyter_client": "jupyter-client",
    "python-graphviz": "graphviz",
    "faiss": "faiss-cpu",
    "huggingface_hub": "huggingface-hub",
    "sentence-transformers": "sentence-transformers",
    "psycopg2": "psycopg2-binary",
    "duckdb-python": "duckdb",
    "python-duckdb": "duckdb",
    "pyarrow-core": "pyarrow",
    "protobuf-python": "protobuf",
    "grpc-python": "grpcio",
}


def requirements(wanted: PackageSet) -> list[str]:
    """One line each for a resolver, sorted."""
    return sorted(requirement(wanted.kind, name, version) for name, version in wanted.packages.items())


def requirement(kind: str, name: str, version: str) -> str:
    """ "pandas", "2.3.3" → "pandas==2.3.3"; "scipy", ">=1.15" → "scipy>=1.15"; "" and "*" are any version."""
    version = version.strip()
    if name.startswith("git+"):
        return f"{name}{version}"
    if kind == "conda":
        name = CONDA_NAMES.get(name.lower(), name)
        if loose := _CONDA_LOOSE.match(version):
            return f"{name}=={loose[1]}.*"
        version = version.split("=")[0] if _EXACT.match(version.split("=")[0]) else version  # 1.2.3=py39_0
    if version in ("", "*"):
        return name
    if version.startswith("@"):
        return f"{name} {version}"
    if _EXACT.match(version) or _WILD.match(version):
        return f"{name}=={version}"
    return f"{name}{version}"
