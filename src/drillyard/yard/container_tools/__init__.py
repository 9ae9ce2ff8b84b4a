"""
Programs of this machine that need a small script in front of them to be what a container's image promises.
"""
