import type { CommandConfig } from "../config/config.ts";
import { askNode } from "../node/rpc-client.ts";
import { columns } from "./columns.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** One side of a pair as `admin_evidence` tells it: quantities are hex. */
type Signed = {
  readonly hash: string;
  readonly header: string;
  readonly origin: { readonly number: string; readonly timestamp: string };
  readonly revision: string;
  readonly sealedAt: string;
  readonly signature: string;
};
type Pair = {
  readonly kind: "equivocation" | "rebuilt" | "excess";
  readonly number: string;
  readonly first: Signed;
  readonly second: Signed;
  readonly seenAt: string;
};
type Evidence = { readonly halted: boolean; readonly evidence: readonly Pair[] };

const plainSigned = ({ origin, revision, sealedAt, ...rest }: Signed) => ({
  ...rest,
  origin: { number: Number(origin.number), timestamp: Number(origin.timestamp) },
  revision: Number(revision),
  sealedAt: Number(sealedAt),
});
const plain = ({ kind, number, first, second, seenAt }: Pair) => ({
  kind,
  number: Number(number),
  first: plainSigned(first),
  second: plainSigned(second),
  seenAt: Number(seenAt),
});

/** A day and a time; what no calendar has, as it is. */
const timeOf = (ms: string): string => {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? `${BigInt(ms)} ms` : date.toISOString();
};

/** What a person wants to see of evidence: two rows a pair. */
export const describeEvidence = ({ halted, evidence }: Evidence): string => {
  if (evidence.length === 0) return "no evidence";
  const rows = evidence.flatMap(({ kind, number, first, second, seenAt }) =>
    [first, second].map(({ hash, revision, sealedAt }, i) => [
      ...(i === 0 ? [String(BigInt(number)), kind] : ["", ""]),
      hash,
      String(BigInt(revision)),
      timeOf(sealedAt),
      i === 0 ? timeOf(seenAt) : "",
    ]),
  );
  const table = columns([["block", "kind", "hash", "revision", "sealed", "seen"], ...rows]);
  return halted ? `${table}\n\nGossip is not followed: \`assay evidence resume\` follows it again.` : table;
};

/** `assay evidence list`. The codes of `askNode`. */
export const listEvidenceCommand = async (config: CommandConfig<"evidence list">): Promise<number> => {
  const evidence = await askNode<Evidence>(config.nodeRpc, "admin_evidence");
  if (config.json) print(JSON.stringify({ halted: evidence.halted, evidence: evidence.evidence.map(plain) }));
  else print(describeEvidence(evidence));
  return 0;
};

/** `assay evidence resume`. The codes of `askNode`. */
export const resumeGossipCommand = async (config: CommandConfig<"evidence resume">): Promise<number> => {
  const wasHalted = await askNode<boolean>(config.nodeRpc, "admin_resumeGossip");
  print(wasHalted ? "gossip is followed again" : "gossip was being followed");
  return 0;
};
