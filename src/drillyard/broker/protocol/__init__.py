"""Connections and channels: what a client may say, in which order, and what it is answered."""
