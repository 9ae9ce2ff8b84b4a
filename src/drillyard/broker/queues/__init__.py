"""What a queue promises: order, limits, lifetimes, and that every message is somewhere."""
