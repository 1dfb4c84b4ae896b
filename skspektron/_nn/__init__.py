"""The Spektron network: torch only, private."""
