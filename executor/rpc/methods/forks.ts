import { crc32 } from "node:zlib";
import { concat, fromHex, type Hex, toHex, uintBE } from "../../foundation/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { type Fork, type ForkSchedule, includes, type ScheduledFork, scheduledForks } from "../../protocol/forks.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
import { rulesAt } from "../../protocol/rules.ts";
import type { Backend } from "../backend.ts";
import { type Json, quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";

/** EIP-7910's names, from the address 0x01 on. */
const PRECOMPILES = [
  ...["ECREC", "SHA256", "RIPEMD160", "ID", "MODEXP", "BN254_ADD", "BN254_MUL", "BN254_PAIRING", "BLAKE2F"],
  "KZG_POINT_EVALUATION",
];
const PRAGUE_PRECOMPILES = [
  ...["BLS12_G1ADD", "BLS12_G1MSM", "BLS12_G2ADD", "BLS12_G2MSM", "BLS12_PAIRING_CHECK"],
  ...["BLS12_MAP_FP_TO_G1", "BLS12_MAP_FP2_TO_G2"],
];
const P256_ADDRESS = 0x100;

const addressOf = (number: number): Hex => toHex(uintBE(number, 20));

/** By name, and this chain's own beside Ethereum's. */
const precompilesOf = (fork: Fork): Readonly<Record<string, Hex>> => {
  const names = includes(fork, "prague") ? [...PRECOMPILES, ...PRAGUE_PRECOMPILES] : PRECOMPILES;
  const all = [
    ...names.map((name, i) => [name, addressOf(i + 1)] as const),
    ...(includes(fork, "osaka") ? [["P256VERIFY", addressOf(P256_ADDRESS)] as const] : []),
    ["ADMIT", ADDRESS.admit] as const,
    ["INFER", ADDRESS.infer] as const,
  ];
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** FORK_HASH of EIP-6122: of genesis and the time of each fork up to this one that does not begin with it. */
export const forkId = (genesisHash: Hex, schedule: ForkSchedule, from: bigint): Hex => {
  const times = scheduledForks(schedule).map((fork) => fork.from);
  const passed = times.filter((time) => time > 0n && time <= from);
  return toHex(uintBE(crc32(concat(fromHex(genesisHash), ...passed.map((time) => uintBE(time, 8)))), 4));
};

/** There are no blobs. With no excess of them BLOBBASEFEE is 1 whatever the fraction, which is EIP-4844's. */
const NO_BLOBS = { baseFeeUpdateFraction: 3_338_477, max: 0, target: 0 };

/** A fork as EIP-7910 has it. */
const describe = ({ genesisHash, parameters }: Backend["chain"], { from }: ScheduledFork): Json => ({
  activationTime: Number(from),
  blobSchedule: NO_BLOBS,
  chainId: quantity(parameters.chainId),
  forkId: forkId(genesisHash, parameters.forks, from),
  precompiles: precompilesOf(rulesAt(parameters, from).fork),
  systemContracts: { HISTORY_STORAGE_ADDRESS: ADDRESS.history },
});

/** Of these forks, the first of which begins with the chain, the one in force at the head, the next, and the last. */
const standing = (forks: readonly ScheduledFork[], { header }: Block) => {
  const current = forks.findLast(({ from }) => from <= header.timestamp) as ScheduledFork;
  const ahead = forks.slice(forks.indexOf(current) + 1);
  return { current, next: ahead[0], last: ahead.at(-1) };
};

const plain = (fork: ScheduledFork | undefined): Json | null =>
  fork === undefined ? null : { name: fork.name, from: Number(fork.from), isKnown: fork.isKnown };

export const FORK_METHODS: MethodTable = {
  /** EIP-7910. Forks that this version does not have are no part of what it is configured for. */
  eth_config: method([], (_, { chain }) => {
    const known = scheduledForks(chain.parameters.forks).filter(({ isKnown }) => isKnown);
    const { current, next, last } = standing(known, chain.head);
    const or = (fork: ScheduledFork | undefined): Json | null => (fork === undefined ? null : describe(chain, fork));
    return { current: describe(chain, current), next: or(next), last: or(last) };
  }),
  /** By name; `isKnown`: whether this version has its rules. */
  rollup_forks: method([], (_, { chain }) => {
    const { current, next, last } = standing(scheduledForks(chain.parameters.forks), chain.head);
    return { current: plain(current), next: plain(next), last: plain(last) };
  }),
};
