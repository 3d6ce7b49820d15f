"""The face of a run of checks: text, HTML, pandas, JSON, JUnit, and an exit for tests."""
