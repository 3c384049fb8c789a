// The ordered key-value store and its columns.
export { COLUMN, type KeyValueStore, type Write } from "./key-value-store.ts";
export { createMemoryStore } from "./memory-store.ts";
export { openRocksStore } from "./rocks-store.ts";
