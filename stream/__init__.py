"""The outside world: Kafka, files, HTTP, the encoders, the command line.

`pipeline` is the heart: one partition's task as a pure state machine. `worker` drives tasks with Kafka,
`testing` without a broker, `replay` from a topic's history, `evaluation` from files.
"""
