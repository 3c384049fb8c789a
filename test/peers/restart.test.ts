import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Hex } from "../../executor/index.ts";
import { folderOf, type PeerActor, peerStage } from "../support/peers.ts";

const PROGRAM = fileURLToPath(new URL("../support/sequencer-process.ts", import.meta.url));

type Start = { readonly id: string; readonly head: number; readonly evidence: number };
type Sealed = { readonly number: number; readonly hash: Hex; readonly revision: number };

/** A life of the sequencer on the data of a folder. */
const live = (t: TestContext, folder: string, peers: readonly PeerActor[]) => {
  const child = spawn(process.execPath, [PROGRAM, folder, ...peers.map(({ address }) => address)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    assert.ok(!done, "the sequencer ended by itself");
    return JSON.parse(value) as T;
  };
  return {
    next,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
};

/** Resolves when the node's chain has the block, whatever stands on it. */
const reaches = async (node: PeerActor, { number, hash }: Sealed): Promise<void> => {
  while (node.chain.blockByNumber(BigInt(number))?.hash !== hash)
    await new Promise<void>((resolve) => {
      const remove = node.chain.on("head", () => {
        remove();
        resolve();
      });
    });
};

test("a sequencer that is killed at any moment goes on where it was, and has broken no word", {
  timeout: 120_000,
}, async (t) => {
  const stage = peerStage(t);
  const followers = await Promise.all([stage.executor(), stage.executor()]);
  const folder = folderOf(t);
  const ids = new Set<string>();
  let head = 0;
  for (const blocks of [40, 7, 1, 13]) {
    const sequencer = live(t, folder, followers);
    const start = await sequencer.next<Start>();
    ids.add(start.id);
    assert.ok(start.head >= head, "an announced block was lost");
    assert.equal(start.evidence, 0);
    for (let i = 0; i < blocks; i++) {
      const sealed = await sequencer.next<Sealed>();
      assert.equal(sealed.number, start.head + 1 + i);
      assert.equal(sealed.revision, 0);
      head = sealed.number;
      if (i === 0) await Promise.all(followers.map((node) => reaches(node, sealed)));
    }
    await sequencer.kill();
  }
  assert.equal(ids.size, 1);
  for (const { peering } of followers) {
    assert.deepEqual(peering.evidence, []);
    assert.equal(peering.revision, 0n);
  }
});
