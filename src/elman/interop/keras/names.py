"""What the child process and its caller must agree on. Imports nothing."""

BFLOAT16 = ":bfloat16"
"""Behind the name of an array that was bfloat16 in the file, and is float32 now."""

REFUSED = 65
"""Exit status of a file that was refused; standard error has the reason."""
