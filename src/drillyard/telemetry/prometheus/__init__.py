"""
PromQL over the metric store, for those who ask Prometheus rather than Datadog.
"""
