import { formatEther } from "viem";
import { CodedError, messageOf } from "../../executor/index.ts";
import type { CommandConfig, ConfigErrorCode } from "../config/config.ts";
import { askNode } from "../node/rpc-client.ts";
import { columns } from "./columns.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

type BlockRef = { readonly hash: string; readonly number: number; readonly timestamp: number };

/** What `rollup_syncStatus` says. */
type SyncStatus = {
  readonly current_l1: BlockRef | null;
  readonly finalized_l1: { readonly number: number } | null;
  readonly unsafe_l2: BlockRef;
  readonly safe_l2: BlockRef;
  readonly finalized_l2: BlockRef;
  /** Why derivation stands still. */
  readonly derivation_failure: string | null;
};

/** What is shown of `rollup_claims`. */
type ClaimRow = {
  readonly id: string;
  readonly status: string;
  readonly isRight: boolean | null;
  readonly blockNumber: number;
  readonly l1Block: number;
  readonly confirmedAt: number | null;
  readonly expectedConfirmation: number | null;
};

/** What `rollup_settlementParameters` says. Periods in L1 blocks, delays in seconds. */
type Parameters = {
  readonly challengePeriod: number;
  readonly claimSpacing: number;
  readonly bond: string;
  readonly proofMaturityDelay: number;
  readonly finalityDelay: number;
  readonly guardian: string;
  readonly pauseDuration: number;
  readonly pausedUntil: number;
};

/** What `rollup_transactionStatus` says. */
type TransactionStatus = {
  readonly transactionHash: string;
  readonly state: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly claimId: string | null;
  readonly next: string | null;
  readonly nextExpectedAt: number | null;
};

type Fork = { readonly name: string; readonly from: number; readonly isKnown: boolean };
/** What `rollup_forks` says. */
type Forks = { readonly current: Fork; readonly next: Fork | null; readonly last: Fork | null };

/** What is shown of `rollup_system`. */
type Role = { readonly inEffect: string; readonly next: { readonly key: string; readonly time: number } | null };
type System = {
  readonly owner: string | null;
  readonly upgradeDelay: number;
  readonly rotationDelay: number;
  readonly batcher: Role;
  readonly signer: Role;
  readonly guardian: Role;
  readonly claimRegistry: string;
  readonly formerRegistries: readonly string[];
  readonly upgrade: { readonly registry: string; readonly time: number } | null;
  readonly foreign: readonly { readonly registry: string; readonly from: number; readonly why: string }[];
};

type Settlement = { readonly claims: readonly ClaimRow[]; readonly settlement: Parameters };

const SHOWN_CLAIMS = 5;

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

const headRow = (name: string, block: BlockRef, meaning: string): readonly string[] => [
  name,
  String(block.number),
  timeOf(block.timestamp),
  block.hash,
  meaning,
];

const WORDS = new Map([
  [true, "as this node computed it"],
  [false, "NOT what this node computed"],
]);

const claimRow = (claim: ClaimRow): readonly string[] => [
  claim.status,
  String(claim.blockNumber),
  claim.confirmedAt !== null
    ? timeOf(claim.confirmedAt)
    : claim.expectedConfirmation === null
      ? "unknown"
      : `expected ${timeOf(claim.expectedConfirmation)}`,
  claim.id,
  claim.isRight === null ? "not derived here yet" : (WORDS.get(claim.isRight) ?? ""),
];

const describeSettlement = ({ claims, settlement }: Settlement): string =>
  [
    claims.length === 0
      ? "no claim on L1 yet"
      : columns([["claim", "block", "confirmed", "id", "meaning"], ...claims.map(claimRow)]),
    "",
    columns([
      ["settlement", "", "meaning"],
      ["challenge period", `${settlement.challengePeriod} L1 blocks`, "a claim without a rival is confirmed"],
      ["bond", `${formatEther(BigInt(settlement.bond))} ETH`, "a claim puts it at stake"],
      ["proof maturity delay", `${settlement.proofMaturityDelay} s`, "from a withdrawal's proof to its finalization"],
      ["finality delay", `${settlement.finalityDelay} s`, "from a claim's confirmation to finalizations by it"],
    ]),
  ].join("\n");

const describeForks = ({ current, next, last }: Forks): string => {
  const row = (when: string, { name, from, isKnown }: Fork) => [
    when,
    name,
    from === 0 ? "from genesis on" : `from ${timeOf(from)} on`,
    isKnown ? "" : "NOT IN THIS VERSION: the node goes no further",
  ];
  return columns([
    ["rules", "fork", "", ""],
    row("now", current),
    ...(next === null ? [] : [row("next", next)]),
    ...(last === null || last.name === next?.name ? [] : [row("last", last)]),
  ]);
};

const describeSystem = ({ owner, upgrade, claimRegistry, formerRegistries, foreign, ...system }: System): string => {
  const role = (name: string, { inEffect, next }: Role) => [
    [name, inEffect, "in effect"],
    ...(next === null ? [] : [["", next.key, `ANNOUNCED: in effect from ${timeOf(next.time)} on`]]),
  ];
  return columns([
    ["on L1", "account", "meaning"],
    owner === null
      ? ["owner", "none", "nothing of this changes, ever"]
      : [
          "owner",
          owner,
          `announces changes: of claims ${system.upgradeDelay} s before, of keys ${system.rotationDelay} s`,
        ],
    ["claim registry", claimRegistry, "in force"],
    ...formerRegistries.map((former) => ["", former, "decides what was claimed there before"]),
    ...(upgrade === null
      ? []
      : [
          [
            "",
            upgrade.registry,
            `ANNOUNCED: can take over from ${timeOf(upgrade.time)} on; leave before if you object`,
          ],
        ]),
    ...foreign.map(({ registry, from, why }) => [
      from === 0 ? "NOT JUDGED BY THIS VERSION" : `JUDGES OTHERWISE from ${timeOf(from)} on`,
      registry,
      why,
    ]),
    ...role("batcher", system.batcher),
    ...role("signer", system.signer),
    ...role("guardian", system.guardian),
  ]);
};

/** What a node that does not read L1 cannot tell: its heads are worth showing all the same. */
const orWhyNot = async <T>(asked: Promise<T>): Promise<T | CodedError> => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CodedError && error.code.startsWith("CLAIMS_")) return error;
    throw error;
  }
};

const settlementOf = async (rpc: string): Promise<Settlement> => {
  const [claims, settlement] = await Promise.all([
    askNode<ClaimRow[]>(rpc, "rollup_claims", { limit: SHOWN_CLAIMS }),
    askNode<Parameters>(rpc, "rollup_settlementParameters"),
  ]);
  return { claims, settlement };
};

const nodeStatus = async ({ nodeRpc, json }: CommandConfig<"status">): Promise<string> => {
  const [status, forks, system, settled] = await Promise.all([
    askNode<SyncStatus>(nodeRpc, "rollup_syncStatus"),
    askNode<Forks>(nodeRpc, "rollup_forks"),
    orWhyNot(askNode<System>(nodeRpc, "rollup_system")),
    orWhyNot(settlementOf(nodeRpc)),
  ]);
  const failed = settled instanceof CodedError;
  if (json)
    return JSON.stringify({
      ...status,
      forks,
      system: system instanceof CodedError ? null : system,
      ...(failed ? { claims: null, settlement: null, claimsError: settled.code } : settled),
    });
  return [
    columns([
      ["head", "block", "time", "hash", "meaning"],
      headRow("unsafe", status.unsafe_l2, "the sequencer's word"),
      headRow("safe", status.safe_l2, "derived from L1"),
      headRow("finalized", status.finalized_l2, "derived from final L1 blocks"),
      ...(status.current_l1 === null ? [] : [headRow("L1", status.current_l1, "read so far")]),
    ]),
    ...(status.derivation_failure === null ? [] : [`derivation stands still: ${status.derivation_failure}`]),
    "",
    describeForks(forks),
    "",
    system instanceof CodedError ? messageOf(system) : describeSystem(system),
    "",
    failed ? `no claims are known: ${settled.code}: ${messageOf(settled)}` : describeSettlement(settled),
  ].join("\n");
};

const MEANING: Readonly<Record<string, string>> = {
  unsafe: "in a block that the sequencer signed",
  safe: "in a block that is derived from L1",
  finalized: "in a block that is derived from final L1 blocks",
  claimed: "in a state that is claimed on L1, with a bond",
  confirmed: "in a state that L1 has confirmed",
};

const transactionStatus = async ({ nodeRpc, json }: CommandConfig<"status">, hash: string): Promise<string> => {
  if (!/^0x[0-9a-fA-F]{64}$/.test(hash))
    throw new CodedError<ConfigErrorCode>(
      "CONFIG_INVALID",
      `${hash}: expected a transaction's hash: 0x and 64 hex digits`,
    );
  const status = await askNode<TransactionStatus>(nodeRpc, "rollup_transactionStatus", hash);
  if (json) return JSON.stringify(status);
  const { state, next, nextExpectedAt } = status;
  const when = nextExpectedAt === null ? "time unknown" : `expected ${timeOf(nextExpectedAt)}`;
  return columns([
    ["state", state, MEANING[state] ?? ""],
    ["block", String(status.blockNumber), status.blockHash],
    ...(status.claimId === null ? [] : [["claim", "", status.claimId]]),
    ...(next === null ? [] : [["next", next, when]]),
  ]);
};

/** `assay status [TRANSACTION]`. The codes of `askNode`; those of a node that cannot tell: TRANSACTION_UNKNOWN and so on. */
export const statusCommand = async (config: CommandConfig<"status">, transaction?: string): Promise<number> => {
  print(await (transaction === undefined ? nodeStatus(config) : transactionStatus(config, transaction)));
  return 0;
};
