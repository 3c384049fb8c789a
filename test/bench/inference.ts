import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  createEngine,
  type Engine,
  importOnnx,
  inputBytesOf,
  type Program,
  processorName,
} from "../../executor/index.ts";
import { CHANNELS, CLASSES, createNetwork, imageOf, MULTIPLY_ADDS, type Ranges, SIDE } from "./network.ts";

/** Exact inference beside float32 inference of the same network in the same runtime, one thread each. */

const ROUNDS = 81;
const CALIBRATION = 8;

const floatOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" } as const;

const feedOf = (image: Float32Array): { image: Tensor } => ({
  image: new Tensor("float32", image, [1, CHANNELS, SIDE, SIDE]),
});

const calibrate = async (network: ReturnType<typeof createNetwork>): Promise<Ranges> => {
  const { model, names, outputs } = network.float(true);
  const session = await InferenceSession.create(model, floatOptions);
  const ranges = new Map<string, { lo: number; hi: number }>();
  for (let seed = 1; seed <= CALIBRATION; seed++) {
    const results = await session.run(feedOf(imageOf(seed)));
    for (const [i, name] of names.entries()) {
      const data = results[outputs[i] as string]?.data as Float32Array;
      const range = ranges.get(name) ?? { lo: 0, hi: 0 };
      for (const v of data) {
        range.lo = Math.min(range.lo, v);
        range.hi = Math.max(range.hi, v);
      }
      ranges.set(name, range);
    }
  }
  await session.release();
  return ranges;
};

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] as number;

const packImage = (program: Program, image: Float32Array): Uint8Array => {
  const input = new Uint8Array(inputBytesOf(program));
  input.set(new Uint8Array(image.buffer, image.byteOffset, image.byteLength));
  return input;
};

const logitsOf = (packed: Uint8Array): Float32Array => new Float32Array(packed.slice(0, 4 * CLASSES).buffer);

const topOf = (logits: Float32Array): number => logits.indexOf(Math.max(...logits));

type Peer = {
  readonly name: string;
  readonly run: (image: Float32Array) => Promise<Float32Array>;
  readonly times: number[];
};

const exactPeer = async (steps: 64 | 127, engines: Engine[]): Promise<Peer> => {
  const network = createNetwork(steps);
  const { program } = importOnnx(network.quantised(await calibrate(network)), { ranges: { image: { lo: 0, hi: 1 } } });
  const engine = await createEngine(program);
  engines.push(engine);
  const name = `exact, ${steps === 64 ? "7-bit weights (u8 x s8)" : "8-bit weights (u8 x u8)"}`;
  return {
    name,
    times: [],
    run: async (image) => {
      const output = await engine.run(packImage(program, image));
      if (output === undefined) throw new RangeError("the image is refused");
      return logitsOf(output);
    },
  };
};

const floatPeer = async (name: string, options: InferenceSession.SessionOptions): Promise<Peer> => {
  const { model, outputs } = createNetwork(64).float();
  const session = await InferenceSession.create(model, { ...floatOptions, ...options });
  const run = async (image: Float32Array): Promise<Float32Array> =>
    (await session.run(feedOf(image)))[outputs[0] as string]?.data as Float32Array;
  return { name, run, times: [] };
};

/** Prints the medians of interleaved runs and the ratio to float32; the goal is at most 1.0. */
export const benchInference = async (print: (line: string) => void): Promise<void> => {
  const engines: Engine[] = [];
  const float = await floatPeer("float32, onnxruntime as it comes", {});
  const exact = [await exactPeer(64, engines), await exactPeer(127, engines)];
  const peers = [float, ...exact];
  print(`processor  ${processorName()}`);
  print(`network    residual, 13 convolutions, ${(MULTIPLY_ADDS / 1e6).toFixed(1)} million multiply-adds, one thread`);
  for (const peer of peers) for (let i = 0; i < 3; i++) await peer.run(imageOf(100 + i));
  for (let round = 0; round < ROUNDS; round++)
    for (const peer of peers) {
      const image = imageOf(200 + round);
      const started = performance.now();
      await peer.run(image);
      peer.times.push(performance.now() - started);
    }
  const base = median(float.times);
  for (const { name, times } of peers) {
    const t = median(times);
    const rate = (MULTIPLY_ADDS / t / 1e6).toFixed(1).padStart(6);
    print(`${name.padEnd(36)} ${t.toFixed(3).padStart(8)} ms  ${rate} GMAC/s  ${(t / base).toFixed(2)} x float32`);
  }
  let agreeing = 0;
  const images = 20;
  for (let i = 0; i < images; i++) {
    const image = imageOf(500 + i);
    if (topOf(await float.run(image)) === topOf(await (exact[0] as Peer).run(image))) agreeing++;
  }
  print(`same class in ${agreeing} of ${images} images; goal: exact at most 1.0 x float32`);
  for (const engine of engines) await engine.stop();
};
