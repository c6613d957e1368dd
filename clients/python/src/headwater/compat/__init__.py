"""Other systems' names for what Headwater does: files written for them run here as they are."""
