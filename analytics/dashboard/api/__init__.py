"""The APIs that read numbers. Each translates to a Query of `reports` and back; none counts anything itself."""
