"""Recounting: hits of a range and site through the pipeline again, into both stores."""
