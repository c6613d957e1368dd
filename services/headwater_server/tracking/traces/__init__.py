"""Traces of generative applications, as MLflow's clients and OpenTelemetry send them, in the JSON of MLflow's REST API.

bodies.py: requests; names.py: the words and limits of MLflow; answers.py: rows as JSON; traces.py, spans.py,
assessments.py, search.py: what is done; usage.py: what a tree of spans used; grammar.py and trace_sql.py: the filter
language; api.py: the methods.
"""
