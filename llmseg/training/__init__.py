"""Training: first the reader on words, then the network on patients."""
