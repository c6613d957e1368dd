"""Where a blob lies in the bucket. Pure.

Every project uploads to a key of its own, so an upload proves that the sender has the bytes, and nobody can write over
what another project has stored. The object of the first that commits is the blob; the others' are removed.
"""

import hashlib


def upload_key(digest: bytes, project: str) -> str:
    """blobs/aa/bb/<digest>-<tag of the project>."""
    text = digest.hex()
    return f"blobs/{text[:2]}/{text[2:4]}/{text}-{hashlib.sha256(project.encode()).hexdigest()[:16]}"
