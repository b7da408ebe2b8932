"""The cells of a study: units of work with a content hash, run in any order and kept one by one."""
