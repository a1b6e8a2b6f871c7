"""The shell: logs, drivers and the command line around the engine."""
