"""Disk: files that are whole or absent, and folders in which one process is at work."""
