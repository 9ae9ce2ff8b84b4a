"""
An AMQP 0-9-1 broker of our own, on pamqp and SQLite. Runs alone, and names itself honestly.

Packages, from the bottom: `wire` (bytes), `routing` (exchanges and bindings), `queues` (what a queue promises),
`storage` (what survives a kill), `protocol` (connections and channels), `management` (HTTP API and metrics).
`vhost.py` ties the middle three together, `server.py` puts everything on sockets.
"""
