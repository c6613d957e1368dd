"""Is the blob there? Asks the artifact service on behalf of the caller, who must be able to see it."""

from headwater.api.artifact.v1 import artifact_pb2
from headwater_server.kit.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from headwater_server.kit.rpc import Call
from headwater_server.kit.service import ServiceKit


class Blobs:
    def __init__(self, kit: ServiceKit, timeout: float = 10.0) -> None:
        self._kit, self._timeout = kit, timeout

    async def check(self, project: str, digest: str, size: int, call: Call) -> int:
        """The size of the blob. Raises FailedPrecondition when the project has none such, InvalidArgument when it has
        another size than was said."""
        request = artifact_pb2.GetBlobRequest(project=project, digest=digest, keep=True)
        try:
            answer = await self._kit.client("artifact").GetBlob(
                request, timeout=self._timeout, on_behalf=call.identity, traceparent=call.traceparent
            )
        except NotFound:
            raise FailedPrecondition(
                f"digest: project {project!r} has no blob {digest}",
                field="digest",
                hint="upload the model's bytes first; `headwater.register_model` does both",
                reason="BLOB_NOT_FOUND",
            ) from None
        except (DeadlineExceeded, Unavailable) as error:
            text = f"the artifact service cannot say whether blob {digest} is there: {error.message}"
            raise Unavailable(text, hint="Try again; `headwater status` tells whether it is up.") from None
        if size and size != answer.blob.size:
            text = f"size: blob {digest} has {answer.blob.size} bytes, not {size}"
            raise InvalidArgument(text, field="size", hint="leave it out, or send the size of what was uploaded")
        return answer.blob.size
