declare const brand: unique symbol;

/** A value that only its own kind may stand for. At run time it is the plain value; the name is for the type check alone. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/**
 * A quantity of a kind. A plain one passes for it, as sums and literals are plain; one of another kind does not. So what is
 * read from a field keeps its kind on the way to where it is used.
 */
export type Flavor<T, Name extends string> = T & { readonly [brand]?: Name };

export type L1BlockNumber = Flavor<bigint, "L1 block">;
export type L2BlockNumber = Flavor<bigint, "L2 block">;
/** Records of the inbox before a place: the index of the next. */
export type RecordIndex = Flavor<bigint, "inbox record">;
/** Messages of the delayed queue before a place: the index of the next. */
export type MessageIndex = Flavor<bigint, "delayed message">;
export type Wei = Flavor<bigint, "wei">;
export type Gas = Flavor<bigint, "gas">;
