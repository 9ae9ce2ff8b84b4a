"""
Streams through the API server: exec, attach and port-forward, over WebSocket. The other end is the node's business.
"""
