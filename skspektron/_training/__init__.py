"""Training of networks: one module a task, on an engine that all tasks share."""
