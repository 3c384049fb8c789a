/** A binary heap that knows where its items are: push, pop and removal in O(log n). `before(a, b)`: a comes out first. */
export const createHeap = <T>(before: (a: T, b: T) => boolean) => {
  const items: T[] = [];
  const places = new Map<T, number>();

  const put = (item: T, at: number) => {
    items[at] = item;
    places.set(item, at);
  };
  const rise = (item: T, from: number) => {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as T;
      if (!before(item, above)) break;
      put(above, at);
      at = parent;
    }
    put(item, at);
    return at;
  };
  const sink = (item: T, from: number) => {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as T, items[child] as T)) child++;
      const below = items[child] as T;
      if (!before(below, item)) break;
      put(below, at);
      at = child;
    }
    put(item, at);
  };

  const remove = (item: T): boolean => {
    const at = places.get(item);
    if (at === undefined) return false;
    places.delete(item);
    const last = items.pop() as T;
    if (at < items.length && rise(last, at) === at) sink(last, at);
    return true;
  };

  return {
    get size(): number {
      return items.length;
    },
    has: (item: T): boolean => places.has(item),
    peek: (): T | undefined => items[0],
    push(item: T) {
      rise(item, items.length);
    },
    pop(): T | undefined {
      const first = items[0];
      if (first !== undefined) remove(first);
      return first;
    },
    remove,
  };
};
export type Heap<T> = ReturnType<typeof createHeap<T>>;
