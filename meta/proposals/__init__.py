"""What a person reads and decides."""
