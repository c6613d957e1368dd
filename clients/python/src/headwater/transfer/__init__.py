"""Experiments and runs on their way from one place to another: servers, archives, MLflow's stores.

records.py: what travels; server.py: read from a Headwater server; mlflow_store.py: read from MLflow; archive.py: to
files and back; packed.py: an archive in one file; target.py: into a Headwater server; registry.py: then MLflow's
registry.
Nothing here is imported by user code's import of headwater.
"""
