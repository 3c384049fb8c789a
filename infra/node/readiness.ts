import type { SystemWatch } from "../../bridge/index.ts";
import type { Challenger } from "../../challenger/index.ts";
import { type Hex, unknownFork } from "../../executor/index.ts";
import type { Halt } from "../../sequencer/index.ts";
import type { ReadinessCheck } from "../telemetry/metrics-server.ts";
import type { Core } from "./node-core.ts";

/** L1 that has not shown a new block for so long makes a node not ready. */
const L1_SILENCE_MS = 120_000;

export type ReadinessParts = {
  readonly chain: Pick<Core["chain"], "position" | "parameters">;
  readonly l1: Pick<Core["l1"], "head" | "recordCount" | "onAdvance">;
  readonly follower: Pick<Core["follower"], "failure">;
  readonly peering: { readonly halted: boolean } | undefined;
  readonly hears: Core["hears"];
  /** On the node that builds the blocks. */
  readonly batches?: { readonly halt: Halt | undefined } | undefined;
};

/** Where this version's rules end in a fork that it does not have, by L1's clock. */
const rulesCheck = ({ chain: { parameters }, l1 }: ReadinessParts): readonly ReadinessCheck[] => {
  const end = unknownFork(parameters.forks);
  if (end === undefined) return [];
  const { name, from } = end;
  return [
    {
      name: "rules",
      check: () =>
        l1.head === undefined || l1.head.timestamp < from
          ? undefined
          : `fork ${name} has begun, and this version does not have its rules`,
      notice: () => {
        const when = l1.head === undefined ? `at L2 time ${from}` : `in ${from - l1.head.timestamp} s`;
        return `fork ${name}, whose rules this version does not have, begins ${when}`;
      },
    },
  ];
};

/** What must hold before a node's answers are the chain's newest. */
export const readinessOf = (parts: ReadinessParts): readonly ReadinessCheck[] => {
  const { chain, l1, follower, peering, hears, batches } = parts;
  let heard = performance.now();
  l1.onAdvance(() => {
    heard = performance.now();
  });
  return [
    {
      name: "l1",
      check: () => {
        if (l1.head === undefined) return "nothing of L1 has been read";
        const silence = performance.now() - heard;
        return silence > L1_SILENCE_MS ? `no new L1 block for ${Math.round(silence / 1000)} s` : undefined;
      },
    },
    {
      name: "derivation",
      check: () => {
        if (follower.failure !== undefined) return `derivation stands still: ${follower.failure}`;
        const left = l1.recordCount - chain.position.batch;
        return left > 1n ? `${left} batches of L1 are not derived` : undefined;
      },
    },
    ...rulesCheck(parts),
    ...(batches === undefined
      ? []
      : [
          {
            name: "production",
            check: () => batches.halt && `${batches.halt.code}: ${batches.halt.reason}`,
          },
        ]),
    // The node that makes the blocks hears none.
    ...(peering === undefined || hears === "nothing"
      ? []
      : [
          {
            name: "gossip",
            check: () =>
              peering.halted
                ? "the sequencer signed against its own word: L1 alone is followed until `assay evidence resume`"
                : undefined,
          },
        ]),
  ];
};

/** Of whoever claims or disputes: this version must know the contracts by which the claims in force are judged. */
export const judgesCheck = (system: Pick<SystemWatch, "state" | "foreign">): ReadinessCheck => ({
  name: "judges",
  check: () => {
    const { registries, block } = system.state;
    const inForce = registries.at(-1) as Hex;
    const departure = system.foreign.get(inForce);
    if (departure === undefined || departure.from > block.timestamp) return undefined;
    return `this node does not judge the claims of registry ${inForce}: ${departure.why}`;
  },
  notice: () => {
    const { registries, scheduled, block } = system.state;
    const inForce = registries.at(-1) as Hex;
    const departure = system.foreign.get(inForce);
    if (departure !== undefined && departure.from > block.timestamp)
      return `registry ${inForce} judges otherwise than this node from L2 time ${departure.from} on: ${departure.why}`;
    const next = scheduled && system.foreign.get(scheduled.registry);
    if (next === undefined) return undefined;
    const from = next.from === 0n ? "" : ` from L2 time ${next.from} on`;
    return `registry ${scheduled?.registry} is announced for ${scheduled?.time}, which this node does not judge${from}: ${next.why}`;
  },
});

/** What must hold beside that before a challenger protects anything. */
export const challengerChecks = (challenger: Pick<Challenger, "findings">): readonly ReadinessCheck[] => [
  {
    name: "challenger",
    check: () => {
      const { findings } = challenger;
      if (findings === undefined) return "it has not looked at the claims yet";
      if (findings.heldBack !== undefined) return `moves are held back: ${findings.heldBack}`;
      const [failure] = findings.failures;
      return failure && `a part of the last look failed: ${failure.part}: ${failure.error}`;
    },
  },
];
