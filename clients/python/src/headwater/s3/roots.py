"""Addresses: the folder of a run, and what an s3:// URL names.

METAFLOW_DATATOOLS_S3ROOT puts the folders of runs into a bucket of the user's; without it they belong to the platform.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from headwater.s3.errors import MetaflowS3URLException
from headwater.s3.places import FILES


def root_of_run(run: Any, bucket: str | None, prefix: str | None) -> str:
    """s3://bucket/prefix/Flow/run of a step's `self` or of a Run."""
    from headwater.flow.spec import FlowSpec

    if isinstance(run, FlowSpec):
        from headwater.flow.current import current

        if not current.is_running_flow:
            raise MetaflowS3URLException("Initializing S3 with a FlowSpec outside of a running flow is not supported.")
        project, flow, ident = current.project, current.flow_name, current.run_id
    elif hasattr(run, "parent") and hasattr(run, "id"):
        from headwater.client.http import connect

        project, flow, ident = connect().project, run.parent.id, run.id
    else:
        raise MetaflowS3URLException(f"run={run!r:.80} is neither the `self` of a step nor a Run")
    base = urlsplit(os.environ.get("METAFLOW_DATATOOLS_S3ROOT") or f"s3://{FILES}/{project}/data")
    place = "/".join(part.strip("/") for part in (prefix or base.path, str(flow), str(ident)) if part.strip("/"))
    return f"s3://{bucket or base.netloc}/{place}"


def split_url(url: str) -> tuple[str, str]:
    """(bucket, key). Raises MetaflowS3URLException."""
    parts = url.removeprefix("s3://").split("/", 1)
    if not url.startswith("s3://") or not parts[0]:
        raise MetaflowS3URLException(f"Invalid url: {url}", hint="s3://bucket/key")
    return parts[0], parts[1] if len(parts) > 1 else ""
