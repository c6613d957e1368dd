"""metaflow.user_configs."""
