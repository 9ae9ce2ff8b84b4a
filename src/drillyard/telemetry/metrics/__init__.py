"""
Metrics: points by series, and the query language of Datadog's graphs and monitors over them.
"""
