"""
Sock Shop: eight HTTP services. Ordinary programs, configured by environment; they know nothing of Kubernetes or drills.
"""
