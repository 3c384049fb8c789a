import { crc32 } from "node:zlib";
import { concat, fromHex, type Hex, toHex, uintBE } from "../../foundation/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { type ForkSchedule, forkAt, includes, type ScheduledFork, scheduledForks } from "../../protocol/forks.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
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

const precompilesAt = (schedule: ForkSchedule, from: bigint): Readonly<Record<string, Hex>> => {
  const fork = forkAt(schedule, from);
  const names = includes(fork, "prague") ? [...PRECOMPILES, ...PRAGUE_PRECOMPILES] : PRECOMPILES;
  const all = [
    ...names.map((name, i) => [name, addressOf(i + 1)] as const),
    ...(includes(fork, "osaka") ? [["P256VERIFY", addressOf(P256_ADDRESS)] as const] : []),
    ["ADMIT", ADDRESS.admit] as const,
    ["INFER", ADDRESS.infer] as const,
  ];
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** EIP-6122: of genesis and each fork up to this one that is not in it. */
const forkId = (genesisHash: Hex, schedule: ForkSchedule, from: bigint): Hex => {
  const times = new Set(scheduledForks(schedule).map((fork) => fork.from));
  const passed = [...times].filter((time) => time > 0n && time <= from);
  return toHex(uintBE(crc32(concat(fromHex(genesisHash), ...passed.map((time) => uintBE(time, 8)))), 4));
};

/** EIP-7910. A fork that this version does not have is told without its precompiles. L2 has no blobs. */
const describe = ({ genesisHash, parameters }: Backend["chain"], { from, isKnown }: ScheduledFork): Json => ({
  activationTime: Number(from),
  blobSchedule: null,
  chainId: quantity(parameters.chainId),
  forkId: forkId(genesisHash, parameters.forks, from),
  precompiles: isKnown ? precompilesAt(parameters.forks, from) : {},
  systemContracts: { HISTORY_STORAGE_ADDRESS: ADDRESS.history },
});

/** The fork in force at the head, the next, and the last that is scheduled. Those that begin at once are one. */
const standing = (schedule: ForkSchedule, { header }: Block) => {
  const all = scheduledForks({ cancun: 0n, ...schedule });
  const steps = all.filter(({ from }, i) => all[i + 1]?.from !== from);
  const current = steps.findLast(({ from }) => from <= header.timestamp) as ScheduledFork;
  const ahead = steps.slice(steps.indexOf(current) + 1);
  return { current, next: ahead[0], last: ahead.at(-1) };
};

const plain = (fork: ScheduledFork | undefined): Json | null =>
  fork === undefined ? null : { name: fork.name, from: Number(fork.from), isKnown: fork.isKnown };

export const FORK_METHODS: MethodTable = {
  eth_config: method([], (_, { chain }) => {
    const { current, next, last } = standing(chain.parameters.forks, chain.head);
    const or = (fork: ScheduledFork | undefined): Json | null => (fork === undefined ? null : describe(chain, fork));
    return { current: describe(chain, current), next: or(next), last: or(last) };
  }),
  /** By name; `isKnown`: whether this version has its rules. */
  rollup_forks: method([], (_, { chain }) => {
    const { current, next, last } = standing(chain.parameters.forks, chain.head);
    return { current: plain(current), next: plain(next), last: plain(last) };
  }),
};
