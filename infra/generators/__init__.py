"""One module per kind of generated file; each returns text and writes nothing. Used by ../generate.py."""
