import { createAdmissionTrace, type Trace } from "../../challenger/index.ts";
import { keccak256 } from "../../executor/foundation/keccak.ts";
import {
  type AdmissionCall,
  type Artifact,
  type Bytes,
  type Chunk,
  calldataChunk,
  contentOf,
  runAdmission,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { EMPTY_REFERENCE } from "../../executor/machine/state/memory.ts";
import { encodeRegisters, PHASE, REGISTERS, registersOf } from "../../executor/machine/state/state.ts";
import type { deployLeafRules, PastOfLeaf } from "./leaf-rules.ts";

/** An artifact in calldata, in chunks of `size` bytes. */
export const artifactIn = (bytes: Bytes, size = 98_304): Artifact => {
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(size * i, size * (i + 1)),
  );
  return { bytes, chunks: parts.map(calldataChunk), chunk: (index) => parts[index] as Bytes };
};

/** A machine that is about to admit; its other fields are made up. */
export const admissionCall = (id: Bytes, chunks: readonly Chunk[]): AdmissionCall => {
  const content = contentOf(chunks);
  const { root: y, length, chunks: cursor } = content;
  const registers = encodeRegisters(
    registersOf({ kind: REGISTERS.admit, source: EMPTY_REFERENCE, length, cursor, x: id, y }),
  );
  const rest = new Uint8Array(301).fill(3);
  rest[0] = 0x40;
  rest.set(keccak256(registers), 269);
  const state = new Uint8Array(128).fill(5);
  state[0] = 0x10;
  state[1] = PHASE.admit;
  state.set(keccak256(rest), 96);
  return { state, rest, registers, id, content };
};

type Rules = Awaited<ReturnType<typeof deployLeafRules>>;

/** What lies left of a leaf of a level. */
export const pastOf = async (trace: Trace, position: number): Promise<PastOfLeaf> => {
  const lefts: Bytes[] = [];
  let first = 0;
  for (let h = trace.height; h >= 0; h--) {
    if (Math.floor(position / 2 ** h) % 2 === 0) continue;
    lefts.push(await trace.node(h, first / 2 ** h));
    first += 2 ** h;
  }
  return { origin: ZERO_32, start: trace.start, lefts, pre: await trace.pre(position) };
};

/** Undefined where the contract says of the leaf what the trace does. */
export const differs = async (rules: Rules, trace: Trace, position: number): Promise<string | undefined> => {
  const past = await pastOf(trace, position);
  const verdict = await rules.leafOf({ level: 2, position }, past, await trace.evidence(position));
  if ("error" in verdict) return `position ${position}: ${verdict.error}`;
  const own = await trace.leafKind(position);
  if (JSON.stringify(own) !== JSON.stringify(verdict.leaf))
    return `position ${position}: ${JSON.stringify(verdict.leaf)}, not ${JSON.stringify(own)}`;
  if (own.kind === "prove" && verdict.post !== toHex(await trace.node(0, position)))
    return `position ${position}: another state`;
  return undefined;
};

/** The same of a byte of an object. */
export const byteDiffers = async (
  rules: Rules,
  trace: Trace,
  object: number,
  byte: number,
): Promise<string | undefined> => {
  const below = await trace.below(object);
  const past = await pastOf(trace, object);
  const place = { k: 5, position: byte, operator: object };
  const verdict = await rules.elementOf(place, past, await below.evidence(byte));
  if ("error" in verdict) return `byte ${byte} of object ${object}: ${verdict.error}`;
  return verdict.post === toHex(await below.node(0, byte)) ? undefined : `byte ${byte} of object ${object}: another`;
};

/** An admission of these bytes, which lie in chunks of `size`. */
export const openAdmission = (bytes: Bytes, id: Bytes, size?: number) => {
  const artifact = artifactIn(bytes, size);
  const call = admissionCall(id, artifact.chunks);
  return { run: runAdmission(bytes, call), trace: createAdmissionTrace(call, artifact) };
};
