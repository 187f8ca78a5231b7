"""The outside world: Kafka, files, HTTP, the encoders, the command line.

`task` is the heart: one partition's pipeline as a pure state machine. `worker` drives tasks with Kafka,
`memory` without a broker, `replay` from history, `evaluate` from files.
"""
