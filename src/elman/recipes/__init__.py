"""Settings of known models, a TOML file each; ``elman train --recipe NAME`` takes them."""
