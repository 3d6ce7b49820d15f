"""Bridges to other frameworks, one file each; the framework is imported when its bridge is used."""
