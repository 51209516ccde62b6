"""The durable record of tasks, attempts and events: one embedded SQLite store, or memory."""
