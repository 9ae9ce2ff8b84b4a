"""
The record's format: the folder that a drill leaves. Written while the drill runs, read by the report and by grading.
"""

from drillyard.record.index import RecordSummary, list_records
from drillyard.record.reader import Entry, Manifest, Phase, Record, Sample
from drillyard.record.verdicts import Check, Outcome, Verdict, judge, judge_later, worst
from drillyard.record.writer import RecordWriter

__all__ = [
    "Check",
    "Entry",
    "Manifest",
    "Outcome",
    "Phase",
    "Record",
    "RecordSummary",
    "RecordWriter",
    "Sample",
    "Verdict",
    "judge",
    "judge_later",
    "list_records",
    "worst",
]
