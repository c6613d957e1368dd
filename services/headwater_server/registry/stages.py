"""Stages of versions, in MLflow's words. Pure."""

from headwater_server.kit.errors import InvalidArgument

NONE, STAGING, PRODUCTION, ARCHIVED = "None", "Staging", "Production", "Archived"
STAGES = (NONE, STAGING, PRODUCTION, ARCHIVED)
ACTIVE = (STAGING, PRODUCTION)
_CANONICAL = {stage.lower(): stage for stage in STAGES}


def check_stage(text: str) -> str:
    """The stage as it is written. Raises InvalidArgument."""
    stage = _CANONICAL.get(text.lower())
    if stage is None:
        message = f"Invalid Model Version stage: {text[:100]}. Value must be one of {', '.join(STAGES)}."
        raise InvalidArgument(message, field="stage")
    return stage


def check_archiving(stage: str) -> None:
    if stage not in ACTIVE:
        message = (
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are {list(ACTIVE)}"
        )
        raise InvalidArgument(message, field="archive_existing")
