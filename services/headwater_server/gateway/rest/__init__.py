"""REST: routes derived from the protos, requests read into messages, calls forwarded to the service that owns them."""
