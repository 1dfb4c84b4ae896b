"""Code that all transfer methods share."""
