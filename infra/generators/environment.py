"""An .env for docker-compose.yml: a fresh secret for every variable that the file demands."""

import re
import secrets


def secrets_for(compose: str) -> str:
    """compose: the text of the file; its ${NAME:?} are what must be set."""
    names = sorted(set(re.findall(r"\$\{([A-Z0-9_]+):\?\}", compose)))
    return "".join(f"{name}={_secret(name)}\n" for name in names)


def _secret(name: str) -> str:
    if name.endswith("_ACCESS_KEY"):
        return "hw" + secrets.token_hex(9)
    if name == "HEADWATER_TOKEN":
        return f"hw_pat_{secrets.token_hex(6)}_{secrets.token_urlsafe(24)}"
    return "s" + secrets.token_hex(20)  # begins with a letter: see infra/nats/nats.conf
