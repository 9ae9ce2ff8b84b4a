"""
Log pipelines: what is done to each new log before it is stored (Datadog's "Log Configuration").
"""
