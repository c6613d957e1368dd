"""metaflow.user_decorators."""
