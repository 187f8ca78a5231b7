"""Streams and a driver without a broker, for tests and benchmarks."""
