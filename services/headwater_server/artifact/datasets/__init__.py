"""Datasets: named lists of files, versions of them that never change, aliases that move between versions."""
