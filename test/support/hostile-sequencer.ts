import { appendCall, batchInbox, depositCall, forceCall } from "../../bridge/index.ts";
import { type Bytes, concat, encodeBatch, fromHex, type Hex } from "../../executor/index.ts";
import type { Random } from "./random-program.ts";
import { l2Account } from "./stage.ts";
import type { SteppedL1 } from "./stepped-l1.ts";

export type HostileSequencerOptions = {
  /** Account of L1 that may append. */
  readonly from: number;
  /** Accounts of L2 that it makes transactions of. */
  readonly users: readonly number[];
  readonly l2ChainId: bigint;
  /** Next nonce of an account of L2, as far as L1 was derived. */
  readonly nonceOf: (account: Hex) => Promise<bigint>;
};

/** Account of L1 that deposits, and forces in what is left out. */
const USER = 2;
/** Runs until its gas is gone: JUMPDEST, PUSH1 0, JUMP. */
const LOOP: Hex = "0x5b600056";
const LOOP_GAS = 90_000n;
const MOST_GARBAGE = 2_000;
const MOST_REFUSED = 60;
const MOST_BLOCKS = 30;

type Making = { readonly random: Random; readonly timestamp: bigint; readonly sign: Sign };
type Sign = (call: { readonly to?: Hex; readonly data?: Hex; readonly gas: bigint }) => Promise<Bytes>;

const bytesOf = (random: Random, length: number): Bytes => Uint8Array.from({ length }, () => random.below(256));

/** Timestamps as L2's clock is to stand, to jump, and to run. */
const timeIn = ({ random, timestamp }: Making): bigint =>
  random.pick([timestamp, timestamp, timestamp + 1n, timestamp + 12n, 0n, 2n ** 64n - 1n]);

const transfers = async ({ random, sign }: Making): Promise<readonly Bytes[]> => {
  const envelopes: Bytes[] = [];
  for (let i = random.below(4); i >= 0; i--) envelopes.push(await sign({ to: `0x${"aa".repeat(20)}`, gas: 21_000n }));
  return envelopes;
};

/** What one batch is made of. */
const KINDS = {
  transfers: async (making) => encodeBatch([{ timestamp: timeIn(making), envelopes: await transfers(making) }]),
  loops: async (making) => {
    const envelopes: Bytes[] = [];
    for (let i = making.random.below(3); i >= 0; i--) envelopes.push(await making.sign({ data: LOOP, gas: LOOP_GAS }));
    return encodeBatch([{ timestamp: timeIn(making), envelopes }]);
  },
  "empty blocks": async (making) =>
    encodeBatch(
      Array.from({ length: making.random.between(1, MOST_BLOCKS) }, () => ({
        timestamp: timeIn(making),
        envelopes: [],
      })),
    ),
  "garbage in a block": async (making) =>
    encodeBatch([
      {
        timestamp: timeIn(making),
        envelopes: Array.from({ length: making.random.between(1, MOST_REFUSED) }, () => bytesOf(making.random, 1)),
      },
    ]),
  garbage: async ({ random }) => bytesOf(random, random.below(MOST_GARBAGE)),
  "zero bytes": async ({ random }) => new Uint8Array(random.below(MOST_GARBAGE)),
  "nothing but messages": async () => new Uint8Array(0),
} as const satisfies Record<string, (making: Making) => Promise<Bytes>>;
type Kind = keyof typeof KINDS;

/** Whoever may append, and means it ill; and the users who force in what is left out. */
export const createHostileSequencer = (
  { client, deployment, send }: SteppedL1,
  random: Random,
  { from, users, l2ChainId, nonceOf }: HostileSequencerOptions,
) => {
  const { batchInbox: address, portal } = deployment.contracts;
  const inbox = { address, abi: batchInbox.abi } as const;

  /** Envelopes with nonces in order, or not. */
  const signer = (): Sign => {
    const next = new Map<number, number>();
    return async ({ to, data = "0x", gas }) => {
      const user = random.pick(users);
      const account = l2Account(user);
      const nonce = next.get(user) ?? Number(await nonceOf(account.address.toLowerCase() as Hex));
      next.set(user, nonce + 1);
      const envelope = await account.signTransaction({
        type: "eip1559",
        chainId: Number(l2ChainId),
        nonce: random.chance(0.1) ? nonce + 1 : nonce,
        gas,
        data,
        maxFeePerGas: 10n ** 10n,
        maxPriorityFeePerGas: 0n,
        ...(to && { to }),
      });
      return fromHex(envelope);
    };
  };

  const make = async (timestamp: bigint): Promise<{ readonly kinds: readonly Kind[]; readonly data: Bytes }> => {
    const making = { random, timestamp, sign: signer() };
    const names = Object.keys(KINDS) as Kind[];
    const kinds = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => random.pick(names));
    const parts: Bytes[] = [];
    for (const kind of kinds) parts.push(await KINDS[kind](making));
    const data = concat(...parts);
    return { kinds, data: random.chance(0.15) ? data.subarray(0, random.below(data.length + 1)) : data };
  };

  /** What the inbox holds in L1's newest block. */
  const place = async () => {
    const [index, messages, head] = await Promise.all([
      client.readContract({ ...inbox, functionName: "recordCount" }),
      client.readContract({ ...inbox, functionName: "messageCount" }),
      client.getBlock({ blockTag: "latest" }),
    ]);
    const last =
      index === 0n
        ? { l1Number: 0n, l1Timestamp: 0n, delayedEnd: 0n }
        : await client.readContract({ ...inbox, functionName: "recordAt", args: [index - 1n] });
    return { index, messages, head, last };
  };

  return {
    /** A batch of anything, for L1's next block. */
    async post(): Promise<readonly Kind[]> {
      const { index, messages, head, last } = await place();
      const { kinds, data } = await make(head.timestamp);
      const isLate = random.chance(0.3);
      const number = isLate && last.l1Number > head.number - 20n ? last.l1Number : head.number;
      const timestamp = isLate && last.l1Timestamp + 40n > head.timestamp ? last.l1Timestamp : head.timestamp;
      const takesAll = random.chance(0.7);
      const delayedEnd = takesAll ? messages : last.delayedEnd;
      const delayedAccumulator = await client.readContract({
        ...inbox,
        functionName: "accumulatorAt",
        args: [delayedEnd],
      });
      const origin = {
        number: number > last.l1Number ? number : last.l1Number,
        timestamp: timestamp > last.l1Timestamp ? timestamp : last.l1Timestamp,
      };
      await send(from, appendCall(address, { index, origin, delayedEnd, delayedAccumulator, data }));
      return kinds;
    },
    async deposit(): Promise<void> {
      const to = l2Account(random.pick(users)).address.toLowerCase() as Hex;
      const data = new Uint8Array(random.below(40));
      await send(USER, depositCall(portal, { to, mint: 1n, value: 1n, gas: 100_000n, data }));
    },
    /** Puts in what waits: L1 takes it when the sequencer has left it out for too long. */
    async force(): Promise<void> {
      const { index, messages, last } = await place();
      if (messages > last.delayedEnd) await send(USER, forceCall(address, index, messages));
    },
  };
};
export type HostileSequencer = ReturnType<typeof createHostileSequencer>;
