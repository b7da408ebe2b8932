"""Items: attributes, from transactions, synthetic, the shipped catalogue, neighbours."""
