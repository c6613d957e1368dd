"""The HTTP of Metaflow's metadata service, so that the unmodified `metaflow` package keeps its runs here."""
