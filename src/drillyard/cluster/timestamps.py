"""
Times as Kubernetes writes them: whole seconds or microseconds in objects, "5m12s" in tables. Always UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime


def time_of(moment: datetime) -> str:
    """metav1.Time: `2025-11-05T20:03:55Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time_of(moment: datetime) -> str:
    """metav1.MicroTime: `2025-11-05T20:03:55.123456Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """RFC 3339 with any number of decimals. Raises ValueError, also for a time without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def human_duration(seconds: float) -> str:
    """
    An age in the words of `kubectl get`: two units at most, the second only while it matters.

    Same thresholds as k8s.io/apimachinery/pkg/util/duration.HumanDuration.
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years = days // 365
    if years < 8:
        return f"{years}y{days % 365}d" if days % 365 else f"{years}y"
    return f"{years}y"
