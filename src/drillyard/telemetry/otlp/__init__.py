"""
OpenTelemetry's JSON (opentelemetry-proto, "OTLP/HTTP"): logs, metrics and spans become our records and points.
"""
