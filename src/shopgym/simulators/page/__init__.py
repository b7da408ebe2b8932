"""What one page does: who begins, what is observed, how it is read, clicked and bought."""
