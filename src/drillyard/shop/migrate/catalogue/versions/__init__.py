"""
The versions, oldest first by their `down_revision`.
"""
