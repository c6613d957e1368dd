"""Runs that Metaflow clients execute: what they tell is kept as it is, and the run's state follows from it."""
