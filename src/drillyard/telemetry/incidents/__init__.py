"""
Incidents as Datadog manages them: what people declare, with a timeline of what they did.
"""
