import { createHash } from "node:crypto";
import {
  ADDRESS,
  type Bytes,
  bytesOf,
  concat,
  countOf,
  createAssembly,
  DTYPES,
  type Dtype,
  fromHex,
  inputBytesOf,
  modelRecordOf,
  type Operator,
  type Program,
  programId,
  recordSlot,
  runReference,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createAnswering } from "../../executor/machine/answers.ts";
import { assemble, callOf, OP, op } from "../../executor/machine/bytecode.fixture.ts";
import type { AccountSetup } from "../../executor/machine/frame.fixture.ts";
import { loadPrecompiles } from "../../executor/machine/precompiles.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import type { WitnessSources } from "../../executor/machine/witness/step.ts";
import { INFER_REASON_GAS } from "../../executor/protocol/model-call.ts";
import type { OperatorOf } from "../../executor/tensor/program.ts";
import { type Random, randomInput, randomInterval, randomProgram } from "./random-program.ts";

/** A transaction before its first step, and what its evidence takes from elsewhere. */
export type Opened = {
  readonly machine: ReturnType<typeof openTransaction>;
  readonly sources: Partial<WitnessSources>;
};

const GAS = 60_000_000;
const CALLER = `0x${"c0".padStart(40, "0")}`;

const bytes = (random: Random, length: number): Bytes => Uint8Array.from({ length }, () => random.below(256));

/** The transaction's data at some place of memory, as the input of one call with so much gas. */
const forwarding = (random: Random, to: bigint, length: number, gas: bigint): Bytes => {
  const input: [bigint, bigint] = [BigInt(random.pick([0, 1, 31, 32, 500])), BigInt(length)];
  return assemble(
    op(OP.calldatacopy, input[0], 0n, input[1]),
    callOf(random.pick([OP.call, OP.staticcall, OP.delegatecall, OP.callcode]), { to, gas, input, output: [7n, 40n] }),
    OP.returndatasize,
    OP.stop,
  );
};

type Call = {
  readonly to: bigint;
  readonly data: Bytes;
  readonly gas: bigint;
  readonly accounts: Readonly<Record<string, AccountSetup>>;
};

/** The call by the transaction itself, or by a contract. */
const open = async (random: Random, { to, data, gas, accounts }: Call): Promise<Opened["machine"]> =>
  openTransaction(
    await setupOf(
      random.chance(0.2)
        ? { accounts, gas: GAS, to: toHex(uintBE(to, 20)), data }
        : {
            accounts: { ...accounts, [CALLER]: { code: forwarding(random, to, data.length, gas) } },
            gas: GAS,
            to: CALLER,
            data,
          },
    ),
  );

// --- precompiles ------------------------------------------------------------------------------------------------------

const precompiles = await loadPrecompiles();
const MOST = 8_000_000n;

const answerOf = (address: number, data: Bytes): Bytes => {
  const answer = precompiles.get(address)?.(data, MOST);
  if (answer === undefined) throw new Error(`precompile ${address} refuses what it is made for`);
  return answer.output;
};

const many = (random: Random, make: () => Bytes): Bytes =>
  concat(...Array.from({ length: random.pick([0, 1, 1, 2, 3, 9]) }, make));

/** Of BLS12-381's field. */
const field = (random: Random): Bytes =>
  concat(new Uint8Array(16), Uint8Array.of(random.below(0x1a)), bytes(random, 47));
const infinite = (random: Random, length: number, point: () => Bytes): Bytes =>
  random.chance(0.2) ? new Uint8Array(length) : point();
const g1 = (random: Random): Bytes => infinite(random, 128, () => answerOf(0x10, field(random)));
const g2 = (random: Random): Bytes => infinite(random, 256, () => answerOf(0x11, concat(field(random), field(random))));

const BN254_G1 = concat(uintBE(1, 32), uintBE(2, 32));
const BN254_G1_NEGATED = concat(
  uintBE(1, 32),
  fromHex("0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45"),
);
const BN254_G2 = fromHex(
  `0x${[
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa",
  ].join("")}`,
);
const bn254 = (random: Random): Bytes => infinite(random, 64, () => answerOf(7, concat(BN254_G1, bytes(random, 32))));

/** The zero polynomial: commitment and proof are the point at infinity. */
const zeroPolynomial = (random: Random): Bytes => {
  const infinity = concat(Uint8Array.of(0xc0), new Uint8Array(47));
  const versioned = Uint8Array.from(createHash("sha256").update(infinity).digest());
  versioned[0] = 1;
  return concat(versioned, uintBE(random.below(2 ** 31), 32), new Uint8Array(32), infinity, infinity);
};

/** The key 1 signs 1 with the nonce 1. */
const P256_X = fromHex("0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
const P256_SIGNED = concat(
  uintBE(1, 32),
  P256_X,
  P256_X.map((byte, i) => (i === 31 ? byte + 1 : byte)),
  P256_X,
  fromHex("0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
);

const LENGTHS = [0, 0, 1, 2, 31, 32, 33, 64, 100, 1023, 1024, 1025];
const ANY_LENGTHS = [0, 1, 31, 32, 33, 64, 128, 213, 1000];

/** Input of each precompile, most of which it takes. */
const INPUTS: ReadonlyMap<number, (random: Random) => Bytes> = new Map<number, (random: Random) => Bytes>([
  [1, (r) => concat(bytes(r, 32), uintBE(r.pick([27, 28, 28, 29]), 32), bytes(r, 64))],
  ...[2, 3, 4].map((address) => [address, (r: Random) => bytes(r, r.pick(ANY_LENGTHS))] as const),
  [
    5,
    (r) => {
      const lengths = [r.pick(LENGTHS), r.pick(LENGTHS), r.pick(LENGTHS)] as const;
      const huge = r.chance(0.05) ? 2n ** 255n : 0n;
      return concat(
        uintBE(lengths[0], 32),
        uintBE(BigInt(lengths[1]) + huge, 32),
        uintBE(lengths[2], 32),
        bytes(r, lengths[0]),
        // Short exponents in long fields are cheap.
        bytes(r, lengths[1]).fill(0, 0, r.chance(0.5) ? lengths[1] - 2 : 0),
        r.chance(0.1) ? new Uint8Array(lengths[2]) : bytes(r, lengths[2]),
      );
    },
  ],
  [6, (r) => concat(bn254(r), bn254(r))],
  [7, (r) => concat(bn254(r), bytes(r, 32))],
  [
    8,
    (r) =>
      many(r, () =>
        r.pick([
          () => concat(BN254_G1, BN254_G2, BN254_G1_NEGATED, BN254_G2),
          () => concat(bn254(r), BN254_G2),
          () => new Uint8Array(192),
        ])(),
      ),
  ],
  [9, (r) => concat(uintBE(r.pick([0, 1, 12, 1000]), 4), bytes(r, 208), Uint8Array.of(r.pick([0, 1, 1, 2])))],
  [10, zeroPolynomial],
  [11, (r) => concat(g1(r), g1(r))],
  [12, (r) => many(r, () => concat(g1(r), bytes(r, 32)))],
  [13, (r) => concat(g2(r), g2(r))],
  [14, (r) => many(r, () => concat(g2(r), bytes(r, 32)))],
  [15, (r) => many(r, () => concat(g1(r), g2(r)))],
  [16, field],
  [17, (r) => concat(field(r), field(r))],
  [256, () => P256_SIGNED],
]);

/** One byte changed, cut, lengthened; up to what the precompile takes at most, and one more. */
const spoilt = (random: Random, input: Bytes): Bytes =>
  random.pick([
    () => input.map((byte, i, { length }) => (i === random.below(length) ? byte ^ (1 << random.below(8)) : byte)),
    () => input.subarray(0, random.below(input.length + 1)),
    () => concat(input, bytes(random, random.pick([1, 32, 192]))),
    () => concat(input, new Uint8Array(Math.max(0, random.pick([38_400, 38_592, 65_536, 65_537]) - input.length))),
  ])();

/** One call of a precompile. */
export const randomPrecompileCall = async (random: Random): Promise<Opened> => {
  const [address, make] = random.pick([...INPUTS]);
  const made = make(random);
  const data = random.chance(0.3) ? spoilt(random, made) : made;
  const price = precompiles.get(address)?.(data, MOST)?.gas ?? BigInt(random.below(100_000));
  const gas = random.pick([price, price, price + 1n, price > 0n ? price - 1n : 0n, 2n * MOST]);
  return { machine: await open(random, { to: BigInt(address), data, gas, accounts: {} }), sources: {} };
};

/** Whoever is not the registry asks for an admission. */
const admitCall = async (random: Random): Promise<Opened> => {
  const data = bytes(random, random.pick([0, 63, 64, 65]));
  return { machine: await open(random, { to: BigInt(ADDRESS.admit), data, gas: 100_000n, accounts: {} }), sources: {} };
};

// --- models ------------------------------------------------------------------------------------------------------------

const isInput = (operator: Operator): operator is OperatorOf<"INPUT"> => operator.kind === "INPUT";
const spanOf = ({ dtype, offset, output }: OperatorOf<"INPUT">) => ({
  start: offset,
  end: offset + bytesOf(dtype, countOf({ output })),
});

/** With room between the inputs. */
const apart = (random: Random, program: Program): Program => {
  let moved = 0;
  const operators = program.operators.map((operator) => {
    if (!isInput(operator)) return operator;
    moved += 32 * random.pick([0, 0, 1, 3, 40, 70]);
    return { ...operator, offset: operator.offset + moved };
  });
  return { ...program, operators };
};

const randomModel = (random: Random): Program => {
  if (random.chance(0.3)) return randomProgram(random);
  const assembly = createAssembly();
  const small = random.chance(0.3);
  const inputs = Array.from({ length: small ? random.between(20, 64) : random.between(1, 3) }, () => {
    const dtype = random.pick(Object.keys(DTYPES) as Dtype[]);
    const count = small ? random.between(1, 12) : random.pick([1, 7, 32, 250, 1024, 1025, 1500]);
    return assembly.input({ dtype, output: [count], interval: randomInterval(random, dtype) });
  });
  return apart(random, assembly.finish({ outputs: inputs.slice(0, 1), meta: new Uint8Array(0) }));
};

/** Bytes of elements that are in no interval, or just outside of one. */
const OUTSIDE: Readonly<Record<Dtype, (random: Random) => Bytes>> = {
  u8: (random) => bytes(random, 1),
  i8: (random) => bytes(random, 1),
  i32: (random) => random.pick([bytes(random, 4), fromHex("0x00000080"), fromHex("0xffffff7f")]),
  i64: (random) => random.pick([bytes(random, 8), fromHex("0x0000000000002000"), fromHex("0x0100000000000080")]),
  f32: (random) =>
    random.pick([
      bytes(random, 4),
      ...["0x0000c07f", "0x0000c0ff", "0x0000807f", "0x000080ff", "0x0100807f", "0xffff7f7f", "0x01000080"].map(
        fromHex,
      ),
    ]),
};

/** An input with anything between its tensors; one element of it outside its interval, if that is asked. */
const inputOf = (random: Random, program: Program, changes: boolean): Bytes => {
  const tensors = program.operators.filter(isInput);
  const valid = randomInput(random, program);
  const input = bytes(random, inputBytesOf(program));
  for (const { start, end } of tensors.map(spanOf)) input.set(valid.subarray(start, end), start);
  if (!changes) return input;
  const tensor = random.pick(tensors);
  input.set(OUTSIDE[tensor.dtype](random), tensor.offset + bytesOf(tensor.dtype, random.below(countOf(tensor))));
  return input;
};

const modelCall = async (random: Random): Promise<Opened> => {
  const program = randomModel(random);
  const id = fromHex(programId(program));
  const input = inputOf(random, program, random.chance(0.5));
  const record = modelRecordOf(program);
  const gas = random.chance(0.05) ? BigInt(GAS) : record.gas;
  const size = BigInt(record.inputBytes + (random.chance(0.05) ? 32 : 0));
  const callable = random.chance(0.9) ? 1n : random.pick([0n, 2n]);
  const packed =
    (gas << 192n) |
    (size << 160n) |
    (BigInt(record.outputBytes) << 128n) |
    (BigInt(record.operators) << 96n) |
    callable;
  const others = Array.from({ length: 20 }, (_, i): [bigint, bigint] => [BigInt(i), 1n + BigInt(random.below(9))]);
  const slot = BigInt(toHex(recordSlot(id)));
  const slots = random.chance(0.05) ? others : [...others, [slot, packed] as const];
  const call = concat(id, input);
  const machine = await open(random, {
    to: BigInt(ADDRESS.infer),
    data: random.chance(0.05) ? call.subarray(0, random.pick([0, 31, 32, call.length - 1])) : call,
    gas: random.chance(0.1) ? record.gas - 1n : record.gas + BigInt(random.below(100_000)),
    accounts: { [ADDRESS.modelRegistry]: { nonce: 1n, code: Uint8Array.of(OP.stop), slots } },
  });
  const { output } = runReference(program, input);
  const answer = createAnswering({
    run: async () => output,
    admit: () => Promise.reject(new Error("nobody asks for an admission")),
  });
  const { answers } = machine.context;
  const inference = { kind: "infer", id, input } as const;
  answers.set(inference, await answer(inference));
  return { machine, sources: {} };
};

/** Bytes that the model of `randomRefusedCall` takes. */
const TAKEN = 64;

/** One call of INFER that gives a reason, or has not the gas for one. */
export const randomRefusedCall = async (random: Random): Promise<Opened> => {
  const id = bytes(random, 32);
  const packed = (50_000n << 192n) | (BigInt(TAKEN) << 160n) | (32n << 128n) | (3n << 96n);
  const callable = random.chance(0.7);
  const slot = BigInt(toHex(recordSlot(id)));
  const given = random.pick([0, 1, TAKEN - 1, TAKEN + 1, 3_000]);
  // A model that cannot be called is asked for with an input of its length, too.
  const data = random.chance(0.3)
    ? bytes(random, random.pick([0, 1, 31]))
    : concat(id, bytes(random, callable ? given : random.pick([given, TAKEN])));
  const slots: [bigint, bigint][] = [[slot, callable ? packed | 1n : random.pick([0n, packed, packed | 2n])]];
  const machine = await open(random, {
    to: BigInt(ADDRESS.infer),
    data,
    gas: INFER_REASON_GAS + random.pick([-1n, 0n, 0n, 1n, 47_899n, 47_900n, 1_000_000n]),
    accounts: { [ADDRESS.modelRegistry]: { nonce: 1n, code: Uint8Array.of(OP.stop), slots } },
  });
  return { machine, sources: {} };
};

/** One call that no bytecode answers: of a precompile, of a model, of an admission. */
export const randomNativeCall = (random: Random): Promise<Opened> =>
  random.chance(0.5) ? randomPrecompileCall(random) : random.chance(0.95) ? modelCall(random) : admitCall(random);
