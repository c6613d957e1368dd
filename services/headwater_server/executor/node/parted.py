"""Large blobs on their way to the store in parts, side by side. What is there already is not sent again, so an upload
that broke off goes on where it was, whoever sends it. Blocks; for a thread.
"""

import hashlib
import mmap
from collections.abc import Callable
from pathlib import Path

from headwater_server.executor.node.bulk import Bulk, settle
from headwater_server.executor.node.wire import Place, Plan
from headwater_server.kit.errors import DataLoss, FailedPrecondition, ServiceError
from headwater_server.kit.http import Response
from headwater_server.kit.objects import refusal

_TRIES = 4

# (number, md5) → its place, good for some minutes
Sign = Callable[[int, str], Place]


def send(bulk: Bulk, plan: Plan, path: Path, sign: Sign) -> None:
    """Sends the parts that are missing. Raises FailedPrecondition (NOT_UPLOADED) when the upload is gone, and what a
    transfer raises."""
    missing = sorted(set(range(1, plan.parts + 1)) - set(plan.present))
    jobs = [bulk.submit(_send, bulk, plan, path, sign, number) for number in missing]
    try:
        for job in jobs:
            job.result()
    finally:
        settle(jobs)


def _send(bulk: Bulk, plan: Plan, path: Path, sign: Sign, number: int) -> None:
    size = int(plan.part_size)
    start = (number - 1) * size
    length = min(size, path.stat().st_size - start)
    md5 = _md5(path, start, length)
    for attempt in range(1, _TRIES + 1):
        answer = bulk.put_part(lambda: _address(sign(number, md5)), path, start, length)
        if answer.status < 300:
            return
        error = _refused(answer, number)
        if attempt == _TRIES or not _may_pass(answer, error):
            raise error
    raise AssertionError


def _address(place: Place) -> tuple[str, dict[str, str]]:
    return place.url, place.headers


def _refused(answer: Response, number: int) -> ServiceError:
    if answer.status == 404:
        text = f"the object store knows nothing of the upload that part {number} belongs to"
        return FailedPrecondition(text, reason="NOT_UPLOADED", hint="begin it again")
    return refusal(answer, f"part {number}")


def _may_pass(answer: Response, error: ServiceError) -> bool:
    """Altered on its way, or a signature that grew too old while it waited."""
    return isinstance(error, DataLoss) or (answer.status == 403 and b"expired" in answer.body)


def _md5(path: Path, start: int, length: int) -> str:
    """The store compares it with what arrives: a part that was altered is found at once, and sent again alone."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        with memoryview(content) as view, view[start : start + length] as part:
            digest.update(part)
    return digest.hexdigest()
