/** What of the global of this name is used here; the types of Node leave it out. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** Code of a function's body, as bytes of the WebAssembly binary format. */
export type Code = readonly number[];

const leb = (value: number): number[] =>
  value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...leb(Math.floor(value / 0x80))];
/** Signed form, of a non-negative number. */
const signedLeb = (value: number): number[] =>
  value < 0x40 ? [value] : [(value % 0x80) | 0x80, ...signedLeb(Math.floor(value / 0x80))];
const vector = (items: readonly Code[]): number[] => [...leb(items.length), ...items.flat()];
const section = (id: number, content: Code): number[] => [id, ...leb(content.length), ...content];
const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text)];

const TYPE = { i32: 0x7f, v128: 0x7b, function: 0x60, empty: 0x40 } as const;
const VECTOR_PREFIX = 0xfd;

/** A memory operand without an alignment promise. */
const at = (offset: number): number[] => [0, ...leb(offset)];

/** The instructions in use, named as the specification names them. Addresses and operands are taken from the stack. */
export const OP = {
  call: (index: number): Code => [0x10, ...leb(index)],
  get: (local: number): Code => [0x20, ...leb(local)],
  set: (local: number): Code => [0x21, ...leb(local)],
  tee: (local: number): Code => [0x22, ...leb(local)],
  i32Const: (value: number): Code => [0x41, ...signedLeb(value)],
  i32Add: [0x6a],
  i32Sub: [0x6b],
  i32Less: [0x49],
  i64ExtendI32: [0xad],
  load: (offset: number): Code => [VECTOR_PREFIX, 0x00, ...at(offset)],
  load64Splat: (offset: number): Code => [VECTOR_PREFIX, 0x0a, ...at(offset)],
  load64Lane: (offset: number, lane: number): Code => [VECTOR_PREFIX, 0x57, ...at(offset), lane],
  store: (offset: number): Code => [VECTOR_PREFIX, 0x0b, ...at(offset)],
  store64Lane: (offset: number, lane: number): Code => [VECTOR_PREFIX, 0x5b, ...at(offset), lane],
  splat: [VECTOR_PREFIX, 0x12],
  /** `a & ~b`. */
  andNot: [VECTOR_PREFIX, 0x4f],
  or: [VECTOR_PREFIX, 0x50],
  xor: [VECTOR_PREFIX, 0x51],
  shl: [VECTOR_PREFIX, ...leb(0xcb)],
  shr: [VECTOR_PREFIX, ...leb(0xcd)],
  /** A loop that goes on while `condition` leaves something else than zero. */
  loopWhile: (body: Code, condition: Code): Code => [0x03, TYPE.empty, ...body, ...condition, 0x0d, 0, 0x0b],
} as const;

/** A function of i32 parameters and no result. Its v128 locals come after the parameters. */
export type WasmFunction = {
  readonly name: string;
  readonly parameters: number;
  readonly vectors: number;
  readonly code: Code;
};

/** A module of one memory, `memory`, and of functions, all of them exported. */
export const encodeModule = (pages: number, functions: readonly WasmFunction[]): Uint8Array =>
  Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      vector(functions.map(({ parameters }) => [TYPE.function, ...vector(Array(parameters).fill([TYPE.i32])), 0])),
    ),
    ...section(3, vector(functions.map((_, i) => leb(i)))),
    ...section(5, vector([[0, ...leb(pages)]])),
    ...section(7, vector([[...name("memory"), 2, 0], ...functions.map((f, i) => [...name(f.name), 0, ...leb(i)])])),
    ...section(
      10,
      vector(
        functions.map(({ vectors, code }) => {
          const body = [...vector([[...leb(vectors), TYPE.v128]]), ...code, 0x0b];
          return [...leb(body.length), ...body];
        }),
      ),
    ),
  ]);

export type WasmInstance = {
  readonly memory: Uint8Array;
  readonly functions: Readonly<Record<string, (...parameters: number[]) => void>>;
};

/** Undefined where the processor or the engine lacks an instruction of the module. */
export const instantiate = (module: Uint8Array): WasmInstance | undefined => {
  if (!WebAssembly.validate(module)) return undefined;
  const { memory, ...functions } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports;
  return {
    memory: new Uint8Array((memory as { readonly buffer: ArrayBuffer }).buffer),
    functions: functions as WasmInstance["functions"],
  };
};
