"""Compiled kernels, threads, memory and hash random numbers. Knows no item and no visit."""
