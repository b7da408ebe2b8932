"""What a server loads: bundle, manifest, golden cases, request schema, service."""
