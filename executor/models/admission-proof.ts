import { openBlobElement } from "../blob/kzg.ts";
import { type Bytes, concat, readUintBE, uintBE } from "../foundation/bytes.ts";
import { merklePath } from "../foundation/merkle.ts";
import { type PaddedNodes, paddedNodes } from "../foundation/padded-tree.ts";
import { type Chunk, chunkLeaf, chunkRecords } from "../protocol/model-content.ts";
import { CONSTANT_RECORD_BYTES, LIMITS, OUTPUT_BYTES } from "../tensor/codec.ts";
import { createTensorTree, type TensorTree } from "../tensor/commitment.ts";
import { measureOperator } from "../tensor/decode.ts";
import { openWords, wordsOfTensor } from "../tensor/multi-proof.ts";
import type { Source } from "../tensor/program.ts";
import {
  ADMISSION,
  type AdmissionRun,
  type ArtifactObject,
  DATA_OBJECTS,
  encodeFrontier,
  type Judgement,
  objectLeaves,
} from "./admission.ts";

/** Evidence for the leaves of an admission. Twin of bridge/contracts/admission/AdmissionVerifier.sol. */

/** Level 2's tree; `after`: hash of the machine behind ADMIT, the last leaf. 64 bytes for each of 2^18 leaves. */
export const admissionNodes = (run: AdmissionRun, after: Bytes): PaddedNodes => {
  const leaves = new Uint8Array(32 * (ADMISSION.end + 1));
  const fill = (from: number, to: number, given: readonly Bytes[]): void => {
    const last = given.at(-1) as Bytes;
    for (let p = from; p < to; p++) leaves.set(given[p - from] ?? last, 32 * p);
  };
  fill(0, ADMISSION.header, objectLeaves(run));
  fill(ADMISSION.header, ADMISSION.end, run.states);
  leaves.set(after, 32 * ADMISSION.end);
  return paddedNodes(leaves, ADMISSION.height);
};

/** How high the subtree left of `position` is in which `index` lies. */
const heightOfLeft = (position: number, index: number): number => 31 - Math.clz32(position ^ index);

/** Path of leaf `index` to the peak that has it, of the tree of the first `count` leaves. */
const pathToPeak = (leaves: readonly Bytes[], count: number, index: number): Bytes[] => {
  const height = heightOfLeft(count, index);
  const first = (index >>> height) * 2 ** height;
  return merklePath(leaves.slice(first, first + 2 ** height), index - first, height);
};

/** An artifact as L1 has it. */
export type ContentSource = { readonly chunks: readonly Chunk[]; chunk(index: number): Bytes };

export const createAdmissionProofs = (run: AdmissionRun, nodes: PaddedNodes, content: ContentSource) => {
  const { header, asked } = run;
  const [C, P, O] = [header?.constants ?? 0, header?.operators ?? 0, header?.outputs ?? 0];
  const operatorsAt = CONSTANT_RECORD_BYTES * C;
  const outputsAt = operatorsAt + (header?.recordBytes ?? 0);
  let recordsTree: TensorTree | undefined;

  const pathTo = (position: number, index: number): Bytes[] =>
    Array.from({ length: heightOfLeft(position, index) }, (_, h) => nodes.node(h, Math.floor(index / 2 ** h) ^ 1));

  const headerAt = (position: number): Bytes[] => [(run.object(0) as ArtifactObject).bytes, ...pathTo(position, 0)];

  /** Bytes of the records. */
  const recordsAt = (position: number, from: number, size: number): Bytes[] => {
    const records = run.object(1);
    if (size === 0 || records === undefined) return [];
    recordsTree ??= createTensorTree("u8", records.bytes);
    const first = Math.floor(from / 32);
    const words = Array.from({ length: Math.floor((from + size - 1) / 32) - first + 1 }, (_, i) => first + i);
    return [records.root, ...pathTo(position, 1), ...openWords(wordsOfTensor(recordsTree), words)];
  };
  const records = (from: number, size: number): Bytes =>
    (run.object(1) as ArtifactObject).bytes.subarray(from, from + size);

  /** What shows whether there is an object, and where. */
  const objectAt = (position: number): Bytes[] => {
    if (position === 0) return [];
    const shown = headerAt(position);
    const k = position - DATA_OBJECTS;
    if (header === undefined || k < 0 || k >= C) return shown;
    return [...shown, ...recordsAt(position, CONSTANT_RECORD_BYTES * k, CONSTANT_RECORD_BYTES)];
  };

  const constantAt = (position: number, now: Judgement): Bytes[] => {
    const k = now.index;
    const record = recordsAt(position, CONSTANT_RECORD_BYTES * k, CONSTANT_RECORD_BYTES);
    const object = run.object(DATA_OBJECTS + k);
    const isPlaced =
      object !== undefined &&
      object.offset === BigInt(now.dataCursor) &&
      now.dataCursor + object.bytes.length <= asked.content.length;
    if (!isPlaced) return record;
    return [...record, object.root, ...pathTo(position, DATA_OBJECTS + k), encodeFrontier(now.constants)];
  };

  const operatorBefore = (count: number, index: number): Bytes[] => {
    const record = run.operatorRecord(index);
    return [uintBE(record.length, 2), record, ...pathToPeak(run.operatorLeaves, count, index)];
  };
  const named = (index: number, source: Source): Bytes[] => {
    if (!source.constant) return source.index < index ? operatorBefore(index, source.index) : [];
    if (source.index >= C) return [];
    const { root } = run.object(DATA_OBJECTS + source.index) as { readonly root: Bytes };
    const record = records(CONSTANT_RECORD_BYTES * source.index, CONSTANT_RECORD_BYTES);
    return [record, root, ...pathToPeak(run.constantLeaves, C, source.index)];
  };
  const operatorAt = (position: number, now: Judgement): Bytes[] => {
    const index = now.index - C;
    const left = (header?.recordBytes ?? 0) - now.cursor;
    const size = Math.min(left, LIMITS.operatorRecordBytes);
    const shown = recordsAt(position, operatorsAt + now.cursor, size);
    const measured = measureOperator(records(operatorsAt + now.cursor, size));
    if (measured === undefined || (index === P - 1 && measured.size !== left)) return shown;
    return [
      ...shown,
      encodeFrontier(now.constants),
      encodeFrontier(now.operators),
      ...measured.sources.flatMap((source) => named(index, source)),
    ];
  };

  const outputAt = (position: number, now: Judgement): Bytes[] => {
    const at = outputsAt + OUTPUT_BYTES * (now.index - C - P);
    const index = Number(readUintBE(records(at, 4)));
    const record = index < P ? operatorBefore(P, index) : [];
    return [...recordsAt(position, at, OUTPUT_BYTES), encodeFrontier(now.operators), ...record];
  };

  const judgementAt = (position: number, now: Judgement): Bytes[] => {
    const state = run.preimage(now).subarray(1);
    if (now.index < C) return [state, ...constantAt(position, now)];
    if (now.index < C + P) return [state, ...operatorAt(position, now)];
    return now.index < C + P + O ? [state, ...outputAt(position, now)] : [state];
  };

  const endOf = (now: Judgement): Bytes[] => [
    run.preimage(now).subarray(1),
    ...recordsAt(ADMISSION.end, outputsAt, OUTPUT_BYTES * O),
    ...recordsAt(ADMISSION.end, outputsAt + OUTPUT_BYTES * O, header?.metaBytes ?? 0),
    encodeFrontier(now.constants),
    encodeFrontier(now.operators),
  ];

  /** The chunk in which a byte of the artifact lies. */
  const chunkAt = async (at: number): Promise<Bytes> => {
    const all = chunkRecords(content.chunks);
    let start = 0;
    const index = content.chunks.findIndex(({ length }) => {
      const isIn = at < start + length;
      if (!isIn) start += length;
      return isIn;
    });
    const shown = concat(uintBE(index, 4), all[index] as Bytes, ...merklePath(all.map(chunkLeaf), index));
    const chunk = content.chunk(index);
    if (content.chunks[index]?.kind === "calldata") return concat(shown, chunk);
    const { value, commitment, proof } = await openBlobElement(chunk, Math.floor((at - start) / 31));
    return concat(shown, value, commitment, proof);
  };

  return {
    /** Behind the machine's preimages. */
    leaf(position: number): Bytes {
      if (position < ADMISSION.header) return concat(...objectAt(position));
      if (position === ADMISSION.header) return concat(...headerAt(position));
      const now = run.judgement(position - ADMISSION.header - 1);
      if (now === undefined) return new Uint8Array(0);
      return concat(...(position === ADMISSION.end ? endOf(now) : judgementAt(position, now)));
    },
    /** The same of byte `position` of an object. */
    async element(index: number, position: number): Promise<Bytes> {
      const object = run.object(index);
      const at = Number(object?.offset ?? 0n) + position;
      const isThere = object !== undefined && position < object.bytes.length && at < asked.content.length;
      return concat(...objectAt(index), isThere ? await chunkAt(at) : new Uint8Array(0));
    },
  };
};
