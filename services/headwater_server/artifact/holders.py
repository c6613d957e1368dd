"""Who needs a blob, by name: runs, model versions, deployments, and leases of those who are about to say so. Pure."""

import uuid
from datetime import timedelta
from typing import NamedTuple

LEASE = "lease"


class Holder(NamedTuple):
    """name: see migrations/0010; until: how long it holds (None: until it is released); run: the run that it is;
    lease: how long a lease lasts here."""

    name: str
    until: timedelta | None
    run: uuid.UUID | None
    lease: timedelta

    def values(self) -> tuple[str, timedelta | None, uuid.UUID | None, timedelta]:
        """As the query `hold` takes them."""
        return self.name, self.until, self.run, self.lease


def leaseholder(lease: timedelta) -> Holder:
    """Somebody who has asked."""
    return Holder(LEASE, lease, None, lease)


def run_holder(run: uuid.UUID, lease: timedelta) -> Holder:
    return Holder(run_name(run), None, run, lease)


def run_name(run: uuid.UUID) -> str:
    return f"run:{run}"


def version_name(model: str, number: int) -> str:
    return f"version:{number}:{model}"


def deployment_name(name: str) -> str:
    return f"deployment:{name}"
