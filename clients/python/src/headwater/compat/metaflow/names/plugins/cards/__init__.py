"""metaflow.plugins.cards."""
