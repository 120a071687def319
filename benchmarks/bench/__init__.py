"""What the benchmark scripts share: sides as processes, medians, targets, kept results, the page."""
