"""
The node's agent: tails container logs, tags them by pod, forwards Kubernetes events, reports what runs.

It meets the cluster only at the Kubernetes API and the log files, and the telemetry only at Datadog's intake.
"""
