"""Metaflow's exceptions: those of the SDK under Metaflow's names, and the few that have no counterpart.

`except MetaflowNotFound` must catch what the client raises, so these are the same classes, not others like them.
"""

from __future__ import annotations

from typing import Any

from headwater.errors import (
    ArtifactError,
    FlowError,
    HeadwaterError,
    Internal,
    InvalidArgument,
    NamespaceMismatch,
    NotFound,
    StepTimeout,
)
from headwater.flow.config import ConfigError
from headwater.flow.declare import UnknownAttribute
from headwater.flow.merge import MergeConflict, MergeMissing
from headwater.flow.parameters import ParameterError
from headwater.runtime.failures import CaughtFailure

METAFLOW_EXIT_DISALLOW_RETRY = 202
METAFLOW_EXIT_ALLOW_RETRY = 203

MetaflowException = HeadwaterError
MetaflowNotFound = NotFound
MetaflowNamespaceMismatch = NamespaceMismatch
MetaflowInvalidPathspec = InvalidArgument
MetaflowInternalError = Internal
ParameterFieldFailed = ParameterFieldTypeMismatch = ParameterError
ParserValueError = ConfigError
InvalidDecoratorAttribute = UnknownAttribute
UnhandledInMergeArtifactsException = MergeConflict
MissingInMergeArtifactsException = MergeMissing
TimeoutException = StepTimeout
DataException = UnpicklableArtifactException = ArtifactError
BadStepDecoratorException = BadFlowDecoratorException = FlowError
UnknownStepDecoratorException = UnknownFlowDecoratorException = FlowError
DuplicateStepDecoratorException = DuplicateFlowDecoratorException = FlowError


class ExternalCommandFailed(HeadwaterError):
    """A command that a flow started failed."""


class MetaflowTaggingError(HeadwaterError):
    """Tags that cannot be set."""


class MetaflowUnknownUser(HeadwaterError):
    """Nobody knows who runs this."""


class CommandException(HeadwaterError):
    """A command line that means nothing."""


class MetaflowDataMissing(HeadwaterError):
    """Data that should be there is not."""


class MetaflowExceptionWrapper(CaughtFailure):
    """What @catch leaves in its variable: `exception` and `stacktrace` as text, `type` with its module."""

    def __init__(self, code: str = "", type: str = "", message: str = "", traceback: str = "", *rest: Any) -> None:
        if type and "." not in type:
            type = f"builtins.{type}"
        super().__init__(code, type, message, traceback, None)
        self.exception = message  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def stacktrace(self) -> str | None:
        return self.traceback or None

    def __str__(self) -> str:
        return self.stacktrace or f"[no stacktrace]\n{self.type}: {self.exception}"

    def __repr__(self) -> str:
        return str(self)
