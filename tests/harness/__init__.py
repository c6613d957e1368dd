"""Real servers for tests, and helpers that await instead of sleep."""
