"""Rankers that learn from logged pages: lines, trees and networks, one idea a file."""
