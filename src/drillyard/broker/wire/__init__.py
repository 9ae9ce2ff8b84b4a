"""Bytes: frames, methods, tables and message properties. Knows no queue."""
