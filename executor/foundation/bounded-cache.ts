/** A map that forgets what was used longest ago once the sizes of its values sum up to more than `limit`. */
export const createBoundedCache = <V>(limit: number, sizeOf: (value: V) => number) => {
  const entries = new Map<string, { readonly value: V; readonly size: number }>();
  let total = 0;
  return {
    get(key: string): V | undefined {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key: string, value: V): void {
      const size = sizeOf(value);
      const before = entries.get(key);
      if (before !== undefined) {
        total -= before.size;
        entries.delete(key);
      }
      if (size > limit) return;
      entries.set(key, { value, size });
      total += size;
      for (const [oldest, entry] of entries) {
        if (total <= limit) break;
        entries.delete(oldest);
        total -= entry.size;
      }
    },
    get size(): number {
      return total;
    },
  };
};
