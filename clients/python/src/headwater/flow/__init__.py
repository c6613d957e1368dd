"""Authoring of flows: classes, decorators, parameters, the graph they make, and the command line of a flow file.

Loaded piece by piece through `headwater`; this package itself imports nothing.
"""
