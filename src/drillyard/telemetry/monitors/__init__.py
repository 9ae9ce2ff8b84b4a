"""
Monitors: questions asked again and again, whose changing answers become events.
"""
