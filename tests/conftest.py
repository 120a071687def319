"""Settings of the whole suite."""

from hypothesis import HealthCheck, settings

# How fast examples are drawn says something of the machine and its neighbours, and nothing of elman.
settings.register_profile("elman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("elman")
