"""Remedies that are tried on copies, so that a finding comes with its proof."""
