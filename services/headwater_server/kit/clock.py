"""The time of this process. Decisions between processes use the database's clock instead."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def now() -> datetime:
    return datetime.now(UTC)


def timestamp(value: datetime | None = None) -> Timestamp:
    """The protobuf Timestamp of an aware datetime; of now when none is given."""
    result = Timestamp()
    result.FromDatetime(value or now())
    return result


def to_datetime(value: Timestamp) -> datetime:
    return value.ToDatetime(tzinfo=UTC)
