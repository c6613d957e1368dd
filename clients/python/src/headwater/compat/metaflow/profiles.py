"""Metaflow's profiles: METAFLOW_PROFILE=team means the settings in ~/.metaflowconfig/config_team.json."""

import json
import os
from pathlib import Path
from typing import Any

from headwater.errors import FlowError


def apply_profile(environ: Any = os.environ) -> None:
    """Settings of the profile that is asked for, where the environment does not have them. Raises FlowError."""
    profile = environ.get("METAFLOW_PROFILE")
    if not profile:
        return
    home = environ.get("METAFLOW_HOME", "~/.metaflowconfig")
    path = Path(home, f"config_{profile}.json").expanduser()
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FlowError(f"Unable to locate METAFLOW_PROFILE '{profile}' in '{home}'") from None
    except (OSError, ValueError) as error:
        raise FlowError(f"METAFLOW_PROFILE '{profile}': {path} cannot be read: {error}") from None
    if not isinstance(settings, dict):
        raise FlowError(f"METAFLOW_PROFILE '{profile}': {path} holds no JSON object")
    for name, value in settings.items():
        if name.startswith("METAFLOW_") and value is not None:
            environ.setdefault(name, value if isinstance(value, str) else json.dumps(value))
