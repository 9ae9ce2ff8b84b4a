"""
Events: what happened and who says so, searched in the language of logs.
"""
