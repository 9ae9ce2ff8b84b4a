"""
The report of a drill, from its record alone: a page, the same in Markdown, and the record judged once more.
"""

from drillyard.drills.report.audit import audit, judge_again
from drillyard.drills.report.junit import junit
from drillyard.drills.report.render import render_html, render_markdown, write_reports

__all__ = ["audit", "judge_again", "junit", "render_html", "render_markdown", "write_reports"]
