"""
The checklists and the troubleshooting of the incident documents, asked of a running yard.

Each entry is one look with three answers: PASS, FAIL with the next command to type, UNKNOWN where nothing can be said.
"""
