"""What the S3 tool raises, under the names of Metaflow; each is a HeadwaterError, which is also MetaflowException."""

from headwater.errors import HeadwaterError


class MetaflowS3InvalidObject(HeadwaterError):
    """What was given to be stored is neither text, nor bytes, nor a file."""

    headline = "Not a string-like object"


class MetaflowS3URLException(HeadwaterError):
    """An address that means nothing here."""

    headline = "Invalid address"


class MetaflowS3Exception(HeadwaterError):
    """S3 could not do it, also after retries."""

    headline = "S3 access failed"


class S3ObjectChanged(MetaflowS3Exception):
    """The object is not the one that was recorded: it was overwritten since."""

    headline = "S3 object changed"


class MetaflowS3NotFound(HeadwaterError):
    """There is no such object, or no such local file."""

    headline = "S3 object not found"


class MetaflowS3AccessDenied(HeadwaterError):
    """The credentials in use do not allow this."""

    headline = "S3 access denied"


class MetaflowS3InvalidRange(HeadwaterError):
    """The object has no bytes in that range."""

    headline = "S3 invalid range"


class MetaflowS3InsufficientDiskSpace(HeadwaterError):
    """The disk of the temporary directory is full."""

    headline = "Insufficient disk space"
