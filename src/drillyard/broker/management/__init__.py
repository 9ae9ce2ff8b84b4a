"""The management API (RabbitMQ's paths and names) and the Prometheus metrics: to look at the broker and to steer it."""
