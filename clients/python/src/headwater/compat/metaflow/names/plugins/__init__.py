"""metaflow.plugins."""
