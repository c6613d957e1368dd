"""What MLflow's clients ask of tracking, in the JSON of MLflow's REST API.

bodies.py: requests; checks.py: limits and names in MLflow's words; answers.py: rows as JSON; writer.py: many requests,
one commit;
scope.py: which run, which experiment; experiments.py, runs.py, logged.py, search.py, histories.py: what is
done; api.py: the methods.
"""
