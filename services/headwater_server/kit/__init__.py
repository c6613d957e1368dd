"""Plumbing shared by all services, without business words. Imports no service."""
