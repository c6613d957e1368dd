"""The events of this service, built here from what has changed. Pure."""

from datetime import datetime

from google.protobuf.message import Message

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.events.v1 import events_pb2
from headwater_server.kit.clock import timestamp


def card_updated(project: str, card: pb.Card, at: datetime) -> Message:
    return events_pb2.ArtifactCardUpdated(
        project=project, run_id=card.key.run_id, step=card.key.step, task_id=card.task_id, attempt=card.attempt,
        slot=card.slot, id=card.id, card_type=card.type, digest=card.digest, final=card.final, at=timestamp(at),
    )  # fmt: skip
