import type { Hex } from "../foundation/bytes.ts";
import type { Engine } from "../tensor/engine.ts";

/** Engines by model id, up to a number of bytes; what is in use is never stopped under its user. */

type Entry = { readonly engine: Promise<Engine>; users: number; bytes: number };

export const createEngineCache = (limit: number, open: (id: Hex) => Promise<Engine>) => {
  const entries = new Map<Hex, Entry>();
  const stopping = new Set<Promise<void>>();
  let total = 0;

  const retire = (id: Hex, entry: Entry): void => {
    entries.delete(id);
    total -= entry.bytes;
    const stopped = entry.engine.then((engine) => engine.stop()).catch(() => undefined);
    stopping.add(stopped);
    stopped.finally(() => stopping.delete(stopped));
  };

  const trim = (): void => {
    for (const [id, entry] of entries) {
      if (total <= limit) return;
      if (entry.users === 0) retire(id, entry);
    }
  };

  const acquire = (id: Hex): Entry => {
    const known = entries.get(id);
    if (known !== undefined) {
      entries.delete(id);
      entries.set(id, known);
      return known;
    }
    const entry: Entry = { engine: open(id), users: 0, bytes: 0 };
    entries.set(id, entry);
    entry.engine.then(
      ({ bytes }) => {
        if (entries.get(id) !== entry) return;
        entry.bytes = bytes;
        total += bytes;
      },
      () => {
        // A model that failed to open is opened anew the next time.
        if (entries.get(id) === entry) entries.delete(id);
      },
    );
    return entry;
  };

  return {
    has: (id: Hex): boolean => entries.has(id),
    get bytes(): number {
      return total;
    },
    async use<T>(id: Hex, work: (engine: Engine) => Promise<T>): Promise<T> {
      const entry = acquire(id);
      entry.users++;
      try {
        return await work(await entry.engine);
      } finally {
        entry.users--;
        trim();
      }
    },
    async stop(): Promise<void> {
      for (const [id, entry] of [...entries]) retire(id, entry);
      await Promise.all(stopping);
    },
  };
};
