-- As they were given: jsonb writes 1e16 as a whole number, forgets the sign of -0.0 and sorts the keys.
ALTER TABLE runs ALTER COLUMN parameters TYPE json USING parameters::json;
ALTER TABLE deployments ALTER COLUMN parameters TYPE json USING parameters::json;
ALTER TABLE trigger_arrivals ALTER COLUMN parameters TYPE json USING parameters::json;
