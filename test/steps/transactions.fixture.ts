import { accountOf, authorize, GWEI, sign } from "../../executor/chain/chain.fixture.ts";
import { type Bytes, concat, DEVNET_PARAMETERS, fromHex, type Hex, toHex, uintBE } from "../../executor/index.ts";
import { assemble, initCodeOf, OP, op, storeBytes } from "../../executor/machine/bytecode.fixture.ts";
import { setupOf, type TransactionSetup } from "../../executor/machine/transaction.fixture.ts";

const hexOf = (address: bigint): Hex => toHex(uintBE(address, 20)) as Hex;

const LOG1 = 0xa1;

const CONTRACT = hexOf(0xc0n);
const IDENTITY = hexOf(4n);
const keyOf = (slot: bigint): Hex => toHex(uintBE(slot, 32)) as Hex;
const LIST = [
  { address: CONTRACT, storageKeys: [keyOf(1n), keyOf(2n), keyOf(1n)] },
  { address: IDENTITY, storageKeys: [] },
  { address: hexOf(0xd0n), storageKeys: [] },
];

const COMMON = {
  chainId: Number(DEVNET_PARAMETERS.chainId),
  nonce: 0,
  gas: 1_000_000n,
  maxFeePerGas: 10n * GWEI,
  maxPriorityFeePerGas: GWEI,
  accessList: LIST,
  data: "0x00ff00",
} as const;

/** Fills a slot that a child fills as well, and is destroyed where the child is not. */
const child = concat(op(OP.sstore, 3n, 4n), initCodeOf(Uint8Array.of(0)));
const mayfly = assemble(
  op(OP.sstore, 1n, 2n),
  op(OP.sstore, 2n, 3n),
  storeBytes(child),
  op(OP.create, 0n, 0n, BigInt(child.length)),
  OP.pop,
  op(OP.selfdestruct, 0n),
);

/** One log, and a slot set to nothing: a refund. */
const contract = assemble(op(OP.sstore, 1n, 0n), op(LOG1, 0n, 40n, 7n), OP.stop);

const signed = async (request: object): Promise<Bytes> =>
  fromHex((await accountOf(0).signTransaction({ ...COMMON, ...request } as never)) as Hex);

/** Transactions that take every way through the phases before and behind the frames. */
export const everyTransaction = async (): Promise<readonly TransactionSetup[]> => {
  const accounts = { [CONTRACT]: { nonce: 1n, code: contract, slots: [[1n, 5n]] as const } };
  const plain = await setupOf({ accounts, gas: 100_000, to: CONTRACT });
  const authorizationList = [
    await authorize(1, { address: CONTRACT, nonce: 0 }),
    await authorize(0, { address: CONTRACT, nonce: 1 }),
    await authorize(0, { address: hexOf(0n), nonce: 2 }),
    await authorize(2, { address: CONTRACT, nonce: 7 }),
    await authorize(2, { address: CONTRACT, nonce: 0, chainId: 1 }),
  ];
  const envelopes = [
    await signed({ type: "eip7702", to: CONTRACT, authorizationList }),
    await signed({ type: "eip7702", to: CONTRACT, authorizationList, accessList: [] }),
    await signed({ type: "eip1559", data: toHex(mayfly) }),
    await signed({
      type: "eip2930",
      to: CONTRACT,
      gasPrice: GWEI,
      maxFeePerGas: undefined,
      maxPriorityFeePerGas: undefined,
    }),
    await sign({ nonce: 1, to: CONTRACT }),
    Uint8Array.of(2, 0xc1, 0x80),
  ];
  return [plain, ...envelopes.map((envelope) => ({ ...plain, envelope }))];
};

/** What of their steps is judged by the contracts of transactions. */
export const TRANSACTION_STEPS: readonly string[] = [2, 3, 12, 13, 14, 16].map((phase) => `phase ${phase}`);

const MOST_BYTES = 98_304;
const ENTRY_BYTES = 23;
const SLOT_BYTES = 33;

/** A transaction whose envelope is as long as may be, or less than `unit` bytes shorter. `fill`: fields of about so many bytes. */
const fullWith = async (unit: number, fill: (bytes: number) => object): Promise<Bytes> => {
  let bytes = MOST_BYTES;
  for (;;) {
    const fields = { type: "eip1559", to: CONTRACT, gas: 2n ** 24n, accessList: [], data: "0x", ...fill(bytes) };
    const envelope = await signed(fields);
    const over = envelope.length - MOST_BYTES;
    if (over <= -unit) throw new Error(`nothing has ${MOST_BYTES} bytes`);
    if (over <= 0) return envelope;
    bytes -= over;
  }
};

/** The longest envelopes, by what they are full of. */
export const longest = async (): Promise<Readonly<Record<string, Bytes>>> => {
  const entries = (bytes: number) =>
    Array.from({ length: Math.floor(bytes / ENTRY_BYTES) }, (_, i) => ({
      address: hexOf(2n ** 159n + BigInt(i)),
      storageKeys: [],
    }));
  const slots = (bytes: number) =>
    Array.from({ length: Math.floor(bytes / SLOT_BYTES) }, (_, i) => toHex(uintBE(i, 32)));
  const noise = Uint8Array.from({ length: MOST_BYTES }, (_, i) => 1 + (i % 255));
  const authorization = await authorize(1, { address: CONTRACT, nonce: 0 });
  const authorizationList = Array.from({ length: 300 }, () => authorization);
  const data = (bytes: number, from: Bytes) => toHex(from.subarray(0, bytes));
  const bytes = await fullWith(4, (size) => ({ data: data(size, noise) }));
  return {
    bytes,
    zeros: await fullWith(4, (size) => ({ data: data(size, new Uint8Array(MOST_BYTES)) })),
    addresses: await fullWith(2 * ENTRY_BYTES, (size) => ({ accessList: entries(size) })),
    slots: await fullWith(2 * SLOT_BYTES, (size) => ({
      accessList: [{ address: CONTRACT, storageKeys: slots(size) }],
    })),
    authorizations: await fullWith(2 * ENTRY_BYTES, (size) => ({
      type: "eip7702",
      authorizationList,
      accessList: entries(size),
    })),
    // Refused for its last byte.
    spoilt: bytes.with(bytes.length - 1, (bytes.at(-1) as number) ^ 1),
  };
};
