"""`metaflow.plugins.datatools.s3.s3`: where Metaflow itself keeps these names."""

from headwater.compat.metaflow.forward import forward
from headwater.compat.metaflow.names.plugins.datatools.s3 import __all__ as _names

__getattr__, __dir__, __all__ = forward(__name__, dict.fromkeys(_names, "headwater.s3"))
