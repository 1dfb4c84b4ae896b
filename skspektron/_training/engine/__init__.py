"""The training engine: skorch's net counted in optimizer steps, its callbacks and checkpoints."""
