"""Writes the files that follow from code: pages in docs/, configurations in infra/. `make docs` runs it.

`--check` changes nothing and fails with the names of files that differ. Names of files after the options limit it to
these. `--env` prints an .env for docker-compose.yml with fresh secrets.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# File: (module of generators/, its function, arguments). A module is imported when its file is asked for.
OUTPUTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "docs/settings.md": ("settings", "page", ()),
    "docs/events.md": ("events", "page", ()),
    "docs/asyncapi.json": ("asyncapi", "document", ()),
    "services/headwater_server/gateway/comments.json": ("openapi", "comments", ()),
    "docs/openapi.json": ("openapi", "document", ()),
    "docs/cli.md": ("cli", "page", ()),
    "docs/mlflow.md": ("mlflow", "page", ()),
    "infra/nats/nats.conf": ("bus", "config", ()),
    "infra/postgres/roles.sql": ("database", "roles", ()),
    "infra/s3/setup.sh": ("objects", "setup", ()),
    "infra/s3/artifact.json": ("objects", "policy", ("artifact",)),
    "infra/s3/executor.json": ("objects", "policy", ("executor",)),
    "infra/s3/metaflow.json": ("objects", "policy", ("metaflow",)),
}


def generate(name: str) -> str:
    """The text that a file should have."""
    module, function, arguments = OUTPUTS[name]
    return getattr(import_module(f"generators.{module}"), function)(*arguments)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file differs")
    parser.add_argument("--env", action="store_true", help="print an .env for docker-compose.yml and do nothing else")
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(OUTPUTS)}; by default all")
    given = parser.parse_args(argv)
    if given.env:
        from generators.environment import secrets_for

        print(secrets_for((ROOT / "docker-compose.yml").read_text()), end="")
        return 0
    if unknown := [name for name in given.files if name not in OUTPUTS]:
        parser.error(f"{', '.join(unknown)} is not generated; there are {', '.join(OUTPUTS)}")
    drifted = [name for name in given.files or OUTPUTS if not _is(name, generate(name))]
    for name in drifted:
        if given.check:
            print(f"{name} differs from what the code says. Run `make docs` and commit it.", file=sys.stderr)
        else:
            _write(name, generate(name))
    return 1 if given.check and drifted else 0


def _is(name: str, text: str) -> bool:
    path = ROOT / name
    return path.exists() and path.read_text() == text


def _write(name: str, text: str) -> None:
    (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / name).write_text(text)
    print(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
