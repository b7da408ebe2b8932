"""What tests build: catalogues, tasks, bundles, a small Markov decision process, golden answers."""
