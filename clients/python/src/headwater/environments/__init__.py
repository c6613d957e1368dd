"""Environments of steps: the packages that decorators ask for, resolved and locked before a run starts.

A lock is content-addressed: the same packages give the same lock, which a worker builds once and keeps.
"""
