"""`metaflow.datatools.s3`: the S3 tool, what it takes and returns, and its exceptions."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(
    __name__,
    dict.fromkeys(
        (
            "S3",
            "S3Object",
            "S3GetObject",
            "S3PutObject",
            "RangeInfo",
            "MetaflowS3InvalidObject",
            "MetaflowS3URLException",
            "MetaflowS3Exception",
            "MetaflowS3NotFound",
            "MetaflowS3AccessDenied",
            "MetaflowS3InvalidRange",
            "MetaflowS3InsufficientDiskSpace",
        ),
        "headwater.s3",
    ),
)
