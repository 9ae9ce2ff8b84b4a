"""
The checks of a drill as JUnit XML, for whatever collects test results: one suite per drill, one case per check.

BROKEN is a failure. UNCLEAR and INVALID are errors, because a check that could not be made is never a pass.
Format: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from drillyard.base.clock import rfc3339
from drillyard.drills.report.audit import judge_again
from drillyard.drills.report.words import printable
from drillyard.record import Check, Outcome, Record


def junit(record: Record) -> bytes:
    """The document, UTF-8. Its last case is the verdict itself, so that a drill without checks does not pass."""
    verdict = judge_again(record)
    overall = Check("verdict", verdict.outcome, "The verdict of the drill", "kept", verdict.reason)
    checks = [*verdict.checks, overall]
    counts = Counter(check.outcome for check in checks)
    suite = ElementTree.Element(
        "testsuite",
        name=f"drill {record.manifest.incident}",
        tests=str(len(checks)),
        failures=str(counts[Outcome.BROKEN]),
        errors=str(counts[Outcome.UNCLEAR] + counts[Outcome.INVALID]),
        skipped="0",
        time=f"{record.ended_s:.3f}",
        timestamp=rfc3339(record.manifest.started_at),
        hostname=record.manifest.yard,
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("seed", record.manifest.seed),
        ("record", record.path.name),
        ("again", record.manifest.command),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=printable(value))
    for check in checks:
        # With the check's own name: the same claim is held before, during and after, and collectors merge equal cases.
        of = f"drill.{record.manifest.incident}.{printable(check.name)}"
        case = ElementTree.SubElement(suite, "testcase", classname=of, name=printable(check.claim), time="0")
        if check.outcome is Outcome.KEPT:
            continue
        kind = "failure" if check.outcome is Outcome.BROKEN else "error"
        text = printable(f"expected {check.expected}, seen {check.seen}")
        ElementTree.SubElement(case, kind, type=check.outcome.value, message=text).text = text
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root, " ")
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"
