"""What the methods share that change the network."""
