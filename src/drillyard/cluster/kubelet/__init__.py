"""
The node: runs the containers of pods as processes, probes them, restarts them, keeps their logs, and tells the API
server.
"""
