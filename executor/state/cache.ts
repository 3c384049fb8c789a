/**
 * A bounded map that forgets what was not used lately: two generations of half the capacity each, so that a hit in the
 * young one moves nothing. At most `capacity` entries are held.
 */
export const createCache = <K, V>(capacity: number) => {
  const half = Math.max(1, Math.floor(capacity / 2));
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  const set = (key: K, value: V): void => {
    if (young.size >= half && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  };
  return {
    get(key: K): V | undefined {
      const hit = young.get(key);
      if (hit !== undefined) return hit;
      const kept = old.get(key);
      if (kept !== undefined) set(key, kept);
      return kept;
    },
    set,
    clear(): void {
      young = new Map();
      old = new Map();
    },
    get size(): number {
      return young.size + old.size;
    },
  };
};
