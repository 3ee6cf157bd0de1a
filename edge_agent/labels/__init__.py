"""What labels and tags say: bytes of a reader become typed identification; pure, no I/O."""
