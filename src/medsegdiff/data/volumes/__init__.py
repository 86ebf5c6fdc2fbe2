"""What formats of volumes share: numbers in a stream, headers read with care, headers copied."""
