"""Storage: configuration files and run directories, written atomically and read with suspicion."""
