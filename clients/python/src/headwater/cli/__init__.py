"""The `headwater` command: one file per group of commands, loaded when the command is used."""
