"""The training engine: skorch's net counted in optimiser steps, its callbacks, its checkpoints."""
