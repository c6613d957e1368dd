"""The S3 tool for user code: `S3(run=self)` and its kin, with the surface that Metaflow users know.

client.py is what users see, transfer.py moves bytes, places.py knows where a bucket is and who signs.
"""

from headwater.s3.client import S3
from headwater.s3.errors import (
    MetaflowS3AccessDenied,
    MetaflowS3Exception,
    MetaflowS3InsufficientDiskSpace,
    MetaflowS3InvalidObject,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    MetaflowS3URLException,
)
from headwater.s3.objects import RangeInfo, S3GetObject, S3Object, S3PutObject

__all__ = [
    "S3",
    "MetaflowS3AccessDenied",
    "MetaflowS3Exception",
    "MetaflowS3InsufficientDiskSpace",
    "MetaflowS3InvalidObject",
    "MetaflowS3InvalidRange",
    "MetaflowS3NotFound",
    "MetaflowS3URLException",
    "RangeInfo",
    "S3GetObject",
    "S3Object",
    "S3PutObject",
]
