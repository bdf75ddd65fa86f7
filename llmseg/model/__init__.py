"""The network: an image encoder, a reader of notes, and a decoder that both steer."""
