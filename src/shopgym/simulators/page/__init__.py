"""What one page does: how visits start, what is observed, how a page is read, clicked and bought from."""
