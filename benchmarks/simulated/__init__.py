"""Several hosts on one Linux machine: network namespaces, what joins them, and MPI ranks over them."""
