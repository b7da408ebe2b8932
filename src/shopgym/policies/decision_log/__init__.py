"""The decision log: schema, Parquet, append-only log, journal, compaction."""
