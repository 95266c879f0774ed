"""ICEBERG: all of history, as the tables `lake.hits` and `lake.events`, Parquet files on S3 or the local disk."""
