"""The Spektron network in torch; private."""
