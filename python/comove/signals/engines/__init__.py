"""Alpha engines: one way to trade each."""
