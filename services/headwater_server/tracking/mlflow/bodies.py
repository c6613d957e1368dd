"""Requests of MLflow's REST API as structs. As protobuf's JSON mapping has it, numbers may come as text, NaN too.

Pure. What does not fit is refused with the reason SHAPE: who sent it knows the words for it (see the gateway's table).
"""

import base64
import binascii
from typing import Annotated, TypeVar

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.batches import read_json

SHAPE = "SHAPE"
MAX_OFFSET = 10**9
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
T = TypeVar("T")


class Pair(msgspec.Struct, gc=False):
    """A tag or a param."""

    key: str
    value: str = ""


class Metric(msgspec.Struct, gc=False):
    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class OfRun(msgspec.Struct, forbid_unknown_fields=True):
    """run_uuid: what old clients call run_id. An unknown field may be another spelling of a known one: see decode()."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        return self.run_id or self.run_uuid


class LogMetric(OfRun, kw_only=True):
    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""

    def metric(self) -> Metric:
        names = (self.model_id, self.dataset_name, self.dataset_digest)
        return Metric(self.key, self.value, self.timestamp, self.step, *names)


class LogBatch(OfRun, kw_only=True):
    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class KeyValue(OfRun, kw_only=True):
    """log-parameter, set-tag, delete-tag."""

    key: str
    value: str = ""


class LogModel(OfRun, kw_only=True):
    model_json: str


class Dataset(msgspec.Struct):
    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct):
    dataset: Dataset
    tags: list[Pair] = []


class Model(msgspec.Struct):
    model_id: str
    step: Int64 = 0


class LogInputs(OfRun, kw_only=True):
    datasets: list[DatasetInput] = []
    models: list[Model] = []


class LogOutputs(OfRun, kw_only=True):
    models: list[Model] = []


class CreateRun(msgspec.Struct, forbid_unknown_fields=True):
    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[Pair] = []


class UpdateRun(OfRun, kw_only=True):
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str = ""


class SearchRuns(msgspec.Struct, forbid_unknown_fields=True):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str = ""
    # Beyond MLflow: which params, metrics and tags to answer, and whether only to count.
    columns: list[str] = []
    count_only: bool = False


class SearchExperiments(msgspec.Struct, forbid_unknown_fields=True):
    max_results: int = 1000
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int = "ACTIVE_ONLY"


class CreateExperiment(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    artifact_location: str = ""
    tags: list[Pair] = []


class OfExperiment(msgspec.Struct, forbid_unknown_fields=True):
    """One experiment, and what is to become of it."""

    experiment_id: str = ""
    experiment_name: str = ""
    new_name: str = ""
    key: str = ""
    value: str = ""


class SearchDatasets(msgspec.Struct, forbid_unknown_fields=True):
    experiment_ids: list[str] = []


class History(OfRun, kw_only=True):
    metric_key: str
    max_results: int | None = None
    page_token: str = ""


class Histories(msgspec.Struct, forbid_unknown_fields=True):
    run_ids: list[str]
    metric_key: str
    max_results: int
    start_step: Int64 | None = None
    end_step: Int64 | None = None


_decoders: dict[type, msgspec.json.Decoder] = {}


def decode(body: bytes, kind: type[T]) -> T:
    """Raises InvalidArgument with the reason SHAPE."""
    decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind, strict=False))
    try:
        return decoder.decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:  # null is what is not set; and Python's json module writes NaN without quotes
        return msgspec.convert(_without_nulls(read_json(body)), kind, strict=False)
    except (msgspec.ValidationError, InvalidArgument, RecursionError) as error:
        raise InvalidArgument(f"The request does not fit: {error}", reason=SHAPE) from None


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def page_token(offset: int) -> str:
    return base64.b64encode(msgspec.json.encode({"offset": offset})).decode()


def offset_of(token: str) -> int:
    """Raises InvalidArgument."""
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument("Invalid page token, could not base64-decode") from None
    try:
        offset = msgspec.json.decode(decoded, type=dict[str, int])["offset"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        raise InvalidArgument(f"Invalid page token, decoded value={decoded[:100]!r}") from None
    if not 0 < offset <= MAX_OFFSET:
        raise InvalidArgument(f"Invalid page token, parsed value={{'offset': {offset}}}")
    return offset
