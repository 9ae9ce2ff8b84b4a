"""
The record's format: the folder that a drill leaves. Written while the drill runs, read by the report and by grading.
"""
