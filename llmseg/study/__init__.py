"""Reader studies: one file says the protocol, and the rest follows from it, to the statistics."""
