import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type ChallengerView, type DisputeView, type Hex, toHex } from "../../executor/index.ts";
import { askNode, startNode, writeRollup } from "../../infra/index.ts";
import { account } from "./anvil.ts";
import type { Player } from "./at-once.ts";
import type { Ends } from "./peers.ts";
import type { Stage } from "./stage.ts";
import { rollupOf } from "./stage-rollup.ts";

const CHALLENGER = 6;
const POLL_MS = 25;
/** Looks for a transaction after a look that found moves: a busy machine takes its time, and loses a block otherwise. */
const MOST_LOOKS = 400;

const ROW = /^VmHWM:\s+(\d+) kB$/m;

/** The most memory that a process ever had, where the system tells: on Linux. */
const mostResidentMib = (pid: number): number | undefined => {
  if (process.platform !== "linux") return undefined;
  const [, kib] = ROW.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return kib === undefined ? undefined : Number(kib) / 1_024;
};

/** `assay challenger` with a database of its own, as a process that knows of a stage what L1 holds. */
export const startChallengerProcess = async (t: Ends, stage: Stage): Promise<Player> => {
  const { anvil } = stage;
  const directory = mkdtempSync(join(tmpdir(), "assay-challenger-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const rollup = join(directory, "rollup.json");
  writeRollup(rollup, rollupOf(stage));
  const wallet = account(CHALLENGER);
  const { child, ready } = await startNode("challenger", directory, {
    flags: {
      ...{ "l1-rpc": anvil.url, "l1-beacon": anvil.url, rollup, "claim-depth": 0 },
      ...{ "l1-poll-ms": POLL_MS, "rpc-port": 0, "metrics-port": 0, "log-level": "info" },
    },
    secrets: { ASSAY_CHALLENGE_KEY: toHex(wallet.getHdKey().privateKey as Uint8Array) },
    peers: "off",
  });
  t.after(() => child.stop());
  const { rpc } = await ready;
  const address = wallet.address.toLowerCase() as Hex;

  const disputes = () => askNode<readonly DisputeView[]>(rpc, "rollup_disputes");
  const isSent = async (): Promise<boolean> =>
    (await anvil.mempool()).some(({ from }) => from.toLowerCase() === address);
  /** Whether it saw the block, and is done with what that asks for. */
  const hasAnswered = async (head: number, looks: number): Promise<boolean> => {
    if (await isSent()) return true;
    const view = await askNode<ChallengerView | null>(rpc, "rollup_challenger");
    if (view === null || view.l1Block < head) return false;
    const all = await disputes();
    if (all.some(({ state }) => state === "computing")) return false;
    return looks > MOST_LOOKS || all.every(({ moves, refusals }) => moves.length === refusals.length);
  };

  return {
    address,
    disputes,
    async launch() {
      const head = Number(await anvil.client.getBlockNumber({ cacheTime: 0 }));
      for (let looks = 0; !(await hasAnswered(head, looks)); looks++) {
        // A process that died answers no more.
        await Promise.race([setTimeout(POLL_MS), child.exited.then(() => Promise.reject(child.death()))]);
      }
    },
    mostResidentMib: () => mostResidentMib(child.pid),
  };
};
