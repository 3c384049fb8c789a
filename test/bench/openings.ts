import {
  type Bytes,
  buildTensorTree,
  createEngine,
  importOnnx,
  inputBytesOf,
  keccak256,
  openRun,
  type Program,
  TAG,
  tensorRootOf,
} from "../../executor/index.ts";
import { CHANNELS, createNetwork, imageOf, SIDE } from "./network.ts";

/** Roots of tensors: what it takes to commit to a run once it is disputed. */

const DATA_BYTES = 48e6;
const PEER_HASHES = 200_000;
const ROUNDS = 3;
/** Of the network's activations: the bench measures time, and any range has the same. */
const RANGE = { lo: -8, hi: 8 };

/** Bytes of words that hash-wasm hashes in a second: a leaf of 33 bytes and a node of 65 for each word. */
const peerRate = (): number => {
  const leaf = new Uint8Array(33).fill(TAG.tensorWord);
  const node = new Uint8Array(65).fill(TAG.inner);
  const start = performance.now();
  for (let i = 0; i < PEER_HASHES; i++) {
    leaf[1 + (i % 32)] = i;
    node.set(keccak256(leaf), 1);
    keccak256(node);
  }
  return (32 * PEER_HASHES * 1000) / (performance.now() - start);
};

const rateOf = async (data: Bytes, work: () => unknown): Promise<number> => {
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    best = Math.max(best, (data.length * 1000) / (performance.now() - start));
  }
  return best;
};

const megabytes = (rate: number): string => `${(rate / 1e6).toFixed(0)} MB/s`;

const networkProgram = (): { readonly program: Program; readonly input: Bytes } => {
  const network = createNetwork(64);
  const ranges = new Map(network.float(true).names.map((name) => [name, RANGE]));
  const { program } = importOnnx(network.quantised(ranges), { ranges: { image: { lo: 0, hi: 1 } } });
  const image = imageOf(1);
  const input = new Uint8Array(inputBytesOf(program));
  input.set(new Uint8Array(image.buffer, image.byteOffset, image.byteLength));
  return { program, input };
};

export const benchOpenings = async (print: (line: string) => void): Promise<void> => {
  const data = Uint8Array.from({ length: DATA_BYTES }, (_, i) => (i * 7 + (i >> 9)) & 0xff);
  const peer = peerRate();
  const one = await rateOf(data, () => tensorRootOf(data));
  const all = await rateOf(data, () => buildTensorTree("u8", data));
  print(`roots of tensors, hash-wasm, one thread     ${megabytes(peer)}`);
  print(`roots of tensors, vectors, one thread       ${megabytes(one)}, ${(one / peer).toFixed(1)} x`);
  print(`trees of tensors, vectors, all processors   ${megabytes(all)}, ${(all / peer).toFixed(1)} x`);

  const { program, input } = networkProgram();
  const engine = await createEngine(program, { trace: true });
  await engine.runAll(input);
  const start = performance.now();
  await engine.runAll(input);
  const ran = performance.now() - start;
  await engine.stop();
  const opening = performance.now();
  const openings = await openRun(program, input);
  if (openings === undefined) throw new RangeError("the image is refused");
  print(
    `a run with all its tensors ${ran.toFixed(0)} ms; made, run and committed to, ${openings.roots.length} operators ` +
      `of a network on ${SIDE} x ${SIDE} x ${CHANNELS}: ${(performance.now() - opening).toFixed(0)} ms`,
  );
};
