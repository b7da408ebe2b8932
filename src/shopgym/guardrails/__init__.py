"""What a policy must satisfy before it may leave."""
