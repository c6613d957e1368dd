"""The HTTP edge: REST twin of every RPC, live events, tokens. Decides who may enter, and nothing else."""
