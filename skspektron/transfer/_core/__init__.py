"""What every transfer method shares."""
