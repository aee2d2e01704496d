-- The store as schema 1 made it, with some history in it.
CREATE TABLE records (watch TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, watch TEXT NOT NULL, at TEXT NOT NULL, actor TEXT, kind TEXT NOT NULL,
    text TEXT NOT NULL, facts TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_watch ON events (watch, id);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, notifier TEXT NOT NULL, message TEXT NOT NULL, created TEXT NOT NULL,
    next TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, why TEXT, delivered_at TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON outbox (notifier, delivered_at) WHERE delivered_at IS NOT NULL;
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT, watch TEXT NOT NULL, at TEXT NOT NULL, actor TEXT, verb TEXT NOT NULL,
    comment TEXT, ticket TEXT, absorbed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX commands_waiting ON commands (id) WHERE absorbed = 0;
CREATE TABLE unreadable (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, why TEXT NOT NULL
) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
PRAGMA user_version = 1;
INSERT INTO events (watch, at, actor, kind, text, facts) VALUES
    ('', '2026-11-01T08:00:00.000000000Z', NULL, 'started', 'certsteward started', '[]'),
    ('sf', '2026-11-01T08:00:01.250000000Z', NULL, 'watched', 'it is watched', '[]'),
    ('sf', '2026-11-01T08:00:02.000000000Z', 'anna', 'approved', 'approved switch-1', '[["ticket","CHG-1"],["comment","é"]]');
