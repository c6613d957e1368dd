"""`metaflow.datatools`: the S3 tool."""

from headwater.compat.metaflow.forward import forward

__getattr__, __dir__, __all__ = forward(__name__, {"S3": "headwater.s3", "MetaflowS3Exception": "headwater.s3"})
