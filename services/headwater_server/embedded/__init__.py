"""Real NATS, Postgres and S3 servers from wheels, and all services on them: the platform on one machine."""
