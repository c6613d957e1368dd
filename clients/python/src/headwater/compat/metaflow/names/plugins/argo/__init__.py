"""metaflow.plugins.argo."""
