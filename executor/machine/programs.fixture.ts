import { accountOf, GWEI, openChain } from "../chain/chain.fixture.ts";
import type { GenesisAlloc } from "../chain/genesis.ts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { deriveBatches } from "./machine.fixture.ts";

/** Numbers below `n`, always the same for a seed. */
const dice = (seed: number) => {
  let state = keccakOf(uintBE(seed, 4));
  return (n: number): number => {
    state = keccakOf(state);
    return new DataView(state.buffer, state.byteOffset).getUint32(0) % n;
  };
};
type Dice = ReturnType<typeof dice>;

const push = (value: bigint | number): Bytes => {
  const hex = BigInt(value).toString(16);
  const size = value === 0 || value === 0n ? 0 : Math.ceil(hex.length / 2);
  return concat(Uint8Array.of(0x5f + size), uintBE(value, size));
};
const op = (...codes: number[]): Bytes => Uint8Array.from(codes);

/** A contract of the pool by its index. */
const poolAddress = (index: number): bigint => 0x2000n + BigInt(index);
const POOL = 5;

/** The word whose first bytes are these, for MSTORE at 0; and how many they are. */
const word = (bytes: Bytes): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex").padEnd(64, "0")}`);

/** What creations run: each ends otherwise. */
const INITCODES: readonly Bytes[] = [
  op(),
  // Deploys 32 zero bytes.
  op(0x60, 0x20, 0x5f, 0xf3),
  // Destroys itself while it is made.
  op(0x33, 0xff),
  // Writes a slot, deploys what destroys itself and its slot: CALLER SELFDESTRUCT.
  op(0x60, 0x07, 0x5f, 0x55, 0x61, 0x33, 0xff, 0x5f, 0x52, 0x60, 0x02, 0x60, 0x1e, 0xf3),
  // Deploys a byte that is reserved.
  op(0x60, 0xef, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3),
  // Reverts with two words.
  op(0x60, 0x2a, 0x5f, 0x52, 0x60, 0x40, 0x5f, 0xfd),
  op(0xfe),
  op(0xef, 0x00),
  // Deploys too much.
  op(0x61, 0x60, 0x01, 0x5f, 0xf3),
  // Makes another: CREATE of nothing.
  op(0x5f, 0x5f, 0x5f, 0xf0, 0x5f, 0x52, 0x5f, 0x5f, 0xf3),
  // Writes a slot and clears it, deploys nothing.
  op(0x60, 0x01, 0x60, 0x02, 0x55, 0x5f, 0x60, 0x02, 0x55, 0x00),
];

/** Random code that is busy rather than broken: its operands are mostly sensible, and what it sees goes into slots. */
const randomProgram = (roll: Dice, length: number): Bytes => {
  const any = (): bigint => {
    const size = [0, 1, 1, 2, 8, 20, 31, 32][roll(8)] as number;
    let value = 0n;
    for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(roll(4) === 0 ? 255 : roll(256));
    return value;
  };
  const offset = () => push(roll(40) === 0 ? any() : ([0, 1, 31, 32, 33, 64, 100, 1000, 2048][roll(9)] as number));
  const size = () =>
    push(roll(60) === 0 ? any() : ([0, 1, 4, 31, 32, 33, 64, 100, 136, 137, 500, 1100][roll(12)] as number));
  const slot = () => push(roll(3));
  const small = () => push(roll(3));
  const value = () => push(roll(4) === 0 ? roll(3) : 0);
  const address = (): Bytes => {
    const kind = roll(16);
    if (kind < 6) return push(poolAddress(roll(POOL)));
    if (kind < 11) return push(1 + roll(10));
    if (kind === 11) return op(0x30);
    if (kind === 12) return op(0x32);
    if (kind === 13) return push(0x42000000000000000000000000000000000000a1n);
    if (kind === 14) return push(0x9000 + roll(4));
    return push(any());
  };
  const gas = () => (roll(3) === 0 ? push([0, 700, 5000, 40_000, 200_000][roll(5)] as number) : op(0x5a));
  const call = (target: Bytes): Bytes => {
    const kind = [0xf1, 0xf2, 0xf4, 0xfa][roll(4)] as number;
    const valued = kind === 0xf1 || kind === 0xf2;
    return concat(size(), offset(), size(), offset(), valued ? value() : op(), target, gas(), op(kind));
  };
  const create = (): Bytes => {
    const code =
      roll(6) === 0 ? Uint8Array.from({ length: 20 }, () => roll(256)) : (INITCODES[roll(INITCODES.length)] as Bytes);
    const salted = roll(2) === 0;
    return concat(
      push(word(code)),
      op(0x5f, 0x52),
      salted ? small() : op(),
      push(code.length),
      op(0x5f),
      value(),
      op(salted ? 0xf5 : 0xf0),
    );
  };
  /** Each leaves one word. */
  const words: readonly (() => Bytes)[] = [
    () =>
      concat(push(any()), push(any()), op([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b][roll(9)] as number)),
    () =>
      concat(
        push(any()),
        push(any()),
        op(0x10 + (roll(14) === 5 ? 1 : ([0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13][roll(12)] as number))),
      ),
    () => concat(push(any()), push(any()), push(any()), op(0x08 + roll(2))),
    () =>
      op(
        [
          0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58,
          0x59, 0x5a,
        ][roll(20)] as number,
      ),
    () => concat(offset(), op(0x35)),
    () => concat(address(), op([0x31, 0x3b, 0x3f][roll(3)] as number)),
    () => concat(push(roll(4)), op(0x40)),
    () => concat(push(roll(2)), op(0x49)),
    () => concat(offset(), op(0x51)),
    () => concat(slot(), op(0x54)),
    () => concat(slot(), op(0x5c)),
    () => concat(size(), offset(), op(0x20)),
    () => call(address()),
    () => call(address()),
    () => call(address()),
    () => create(),
    () => concat(create(), op(0x80), call(op(0x83)), op(0x50)),
    () => concat(push(any()), push(any()), op(0x81, 0x91, 0x50, 0x50)),
  ];
  /** Each leaves nothing. */
  const acts: readonly (() => Bytes)[] = [
    () => concat(small(), slot(), op(0x55)),
    () => concat(small(), slot(), op(0x55)),
    () => concat(small(), slot(), op(0x5d)),
    () => concat(push(any()), offset(), op(0x52)),
    () => concat(push(any()), offset(), op(0x53)),
    () => concat(size(), offset(), offset(), op([0x37, 0x39, 0x5e][roll(3)] as number)),
    () => concat(roll(4) === 0 ? size() : op(0x3d), push(roll(4) === 0 ? 1 : 0), offset(), op(0x3e)),
    () => concat(size(), offset(), offset(), address(), op(0x3c)),
    () => {
      const topics = roll(5);
      return concat(...Array.from({ length: topics }, () => push(any())), size(), offset(), op(0xa0 + topics));
    },
    () => op(0x60, 0x01, 0x50, 0x5b),
  ];
  const parts: Bytes[] = [];
  for (let i = 0; i < length; i++) {
    if (roll(3) === 0) parts.push((acts[roll(acts.length)] as () => Bytes)());
    else {
      parts.push((words[roll(words.length)] as () => Bytes)());
      parts.push(roll(2) === 0 ? op(0x50) : concat(slot(), op(0x55)));
    }
    const end = roll(60);
    if (end === 0) parts.push(address(), op(0xff));
    if (end === 1) parts.push(size(), offset(), op(0xf3));
    if (end === 2) parts.push(size(), offset(), op(0xfd));
    if (end === 3 && roll(3) === 0) parts.push(op(roll(256)));
  }
  parts.push(size(), offset(), op(roll(4) === 0 ? 0xfd : 0xf3));
  return concat(...parts);
};

type SignedForm = Parameters<ReturnType<typeof accountOf>["signTransaction"]>[0];

/** Envelopes of one sender, of every type, to contracts of the pool or creating others. */
const randomEnvelope = async (roll: Dice, nonce: number): Promise<Bytes> => {
  const kind = roll(4);
  const accessList = Array.from({ length: kind < 2 ? 0 : roll(3) }, () => ({
    address: toHex(uintBE(poolAddress(roll(POOL + 1)), 20)),
    storageKeys: Array.from({ length: roll(3) }, (_, i) => toHex(uintBE(i, 32))),
  }));
  const isCreation = roll(4) === 0;
  const form = {
    chainId: Number(DEVNET_PARAMETERS.chainId),
    nonce,
    gas: BigInt(100_000 + roll(3) * 700_000),
    value: BigInt(roll(3)),
    data: toHex(isCreation ? randomProgram(roll, 8) : Uint8Array.from({ length: roll(100) }, () => roll(256))),
    ...(isCreation ? {} : { to: toHex(uintBE(poolAddress(roll(POOL)), 20)) }),
  };
  const priced = { ...form, gasPrice: 10n * GWEI };
  const market = { ...form, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI, accessList };
  const forms: readonly SignedForm[] = [
    { ...priced, type: "legacy" },
    { ...market, type: "eip1559" },
    { ...market, type: "eip1559" },
    { ...priced, accessList, type: "eip2930" },
  ];
  return fromHex(await accountOf(0).signTransaction(forms[kind] as SignedForm));
};

const BLOCKS = 3;
const ENVELOPES = 4;

/** A chain with random contracts that ran random transactions. */
export const deriveRandomPrograms = async (seed: number) => {
  const roll = dice(seed);
  const one = toHex(uintBE(1, 32));
  const alloc: Record<Hex, GenesisAlloc[Hex]> = {};
  for (let i = 0; i < POOL; i++)
    alloc[toHex(uintBE(poolAddress(i), 20))] = {
      nonce: 1n,
      balance: BigInt(roll(5)),
      code: toHex(randomProgram(roll, 12)),
      storage: { [one]: one },
    };
  const chain = await openChain({ alloc: alloc as GenesisAlloc });
  const blocks: Bytes[][] = [];
  for (let block = 0; block < BLOCKS; block++) {
    const envelopes: Bytes[] = [];
    for (let i = 0; i < ENVELOPES; i++) envelopes.push(await randomEnvelope(roll, block * ENVELOPES + i));
    blocks.push(envelopes);
  }
  return { chain, inbox: await deriveBatches(chain, [{ blocks }]) };
};
