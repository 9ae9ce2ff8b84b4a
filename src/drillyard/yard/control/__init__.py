"""
The capabilities of a yard that no cluster's API offers: for whoever runs drills, never for investigators.
"""
