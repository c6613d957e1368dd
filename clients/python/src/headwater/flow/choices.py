"""What one command line says about a flow beyond its source: values of configs, the branch of its project, decorators
of `--with`, files to include, and whether the file says `from metaflow import …`.

Tasks must see the same, so it travels in the code package as FILE. Nothing is written where nothing was said.
"""

from __future__ import annotations

import os
from typing import Any, cast

FILE = ".headwater.json"
INCLUDED = ".headwater.files"


class Choices:
    """The choices of this process. In a task they come from the package, `root` is the folder of that."""

    def __init__(self) -> None:
        self.metaflow = False
        self.branch = ""
        self.production = False
        # What the client shows inside of tasks; "": the runs of the user.
        self.namespace = ""
        self.decorators: list[str] = []
        # TriggerSource (JSON) that a run started by hand acts on, as if it had been started by that.
        self.trigger: dict[str, Any] = {}
        # Config → {"value": …} or, where that is no JSON, {"text": …} for its parser.
        self.configs: dict[str, dict[str, Any]] = {}
        # IncludeFile → its member of the package.
        self.files: dict[str, str] = {}
        self.root = ""

    def dump(self) -> bytes:
        """As JSON; empty when nothing was chosen."""
        said = {name: value for name, value in vars(self).items() if value and name != "root"}
        if not said:
            return b""
        import json

        return json.dumps(said).encode()

    def load(self, package: str) -> None:
        """Takes over what a package says."""
        try:
            with open(f"{package}/{FILE}", "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return
        self.root = os.fspath(package)
        self.restore(text)

    def restore(self, text: bytes) -> None:
        import json

        vars(self).update(cast("dict[str, Any]", json.loads(text)))


chosen = Choices()
