"""metaflow.plugins.pypi."""
