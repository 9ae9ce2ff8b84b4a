-- The broker's whole memory. Readable during an incident: sqlite3 broker.db "SELECT * FROM queues".
CREATE TABLE IF NOT EXISTS exchanges (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    auto_delete INTEGER NOT NULL,
    internal INTEGER NOT NULL,
    arguments BLOB NOT NULL           -- an AMQP field table
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    auto_delete INTEGER NOT NULL,
    arguments BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS bindings (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,               -- of the destination: queue or exchange
    destination TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    arguments BLOB NOT NULL,
    PRIMARY KEY (source, kind, destination, routing_key, arguments)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policies (
    name TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    apply_to TEXT NOT NULL,
    priority INTEGER NOT NULL,
    definition TEXT NOT NULL          -- JSON
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    queue_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    expires_at_ms INTEGER,            -- epoch milliseconds
    delivered INTEGER NOT NULL,       -- somebody has or had it: redelivered after a crash
    properties BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (queue_id, position)
) WITHOUT ROWID;
