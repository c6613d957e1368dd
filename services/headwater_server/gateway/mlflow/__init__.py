"""MLflow's REST API, so that every MLflow client works with MLFLOW_TRACKING_URI=http://<gateway>.

errors.py: codes, statuses and the shape of an error; fields.py: what a request may hold; endpoints.py: one row of a
table; routes.py: the tables joined, below /api and /ajax-api. Each other module is one table with its handlers.
"""
