"""
Controllers: each looks at what is wanted and what is there, and takes the next step. They know only the API.

The decisions are pure functions of objects (`rollout.py`, `availability.py`, …); `run.run_controllers` runs them all.
"""
