/** The part of the binding that the store uses. Everything here runs on the calling thread. */
declare module "@nxtedition/rocksdb" {
  type Batch = {
    _put(key: Uint8Array, value: Uint8Array): void;
    _del(key: Uint8Array): void;
    _writeSync(options: { readonly sync: boolean }): void;
    _closeSync(): void;
  };
  type Rows = { readonly rows: readonly Buffer[]; readonly finished: boolean };

  export class RocksLevel {
    constructor(
      location: string,
      options: {
        readonly keyEncoding: "buffer";
        readonly valueEncoding: "buffer";
        readonly createIfMissing: boolean;
        readonly cacheSize?: number;
        readonly memtableMemoryBudget?: number;
        readonly walCompression?: boolean;
      },
    );
    open(): Promise<void>;
    close(): Promise<void>;
    _chainedBatch(): Batch;
    _getManySync(
      keys: readonly Uint8Array[],
      options: { readonly valueEncoding: "buffer" },
    ): readonly (Buffer | undefined)[];
    querySync(options: {
      readonly gte: Uint8Array;
      readonly lt: Uint8Array;
      readonly limit: number;
      readonly reverse: boolean;
      readonly keyEncoding: "buffer";
      readonly valueEncoding: "buffer";
    }): Rows;
  }
}
