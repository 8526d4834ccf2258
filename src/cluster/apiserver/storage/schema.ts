import type { DatabaseSync } from "node:sqlite";

/**
 * `objects` is the state, `log` the recent changes that watches resume from after a restart, `marks` single numbers.
 * WAL with `synchronous=NORMAL`: a committed write is in the operating system's hands, so killing this process
 * loses nothing; only a power cut may take the last moments (never consistency).
 */
export function prepareDatabase(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA busy_timeout = 2000;
    CREATE TABLE IF NOT EXISTS objects (
      resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,
      PRIMARY KEY (resource, namespace, name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log (
      revision INTEGER PRIMARY KEY, resource TEXT NOT NULL, type TEXT NOT NULL, object TEXT NOT NULL, previous TEXT
    );
    CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  `);
}
