import { claimedRange, GENESIS_PLACE } from "../../bridge/index.ts";
import { funded, openChain, sign } from "../../executor/chain/chain.fixture.ts";
import {
  type Bytes,
  COLUMN,
  createMemoryStore,
  encodeBatch,
  type Hex,
  type Inbox,
  type KeyValueStore,
} from "../../executor/index.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { createDisputeStage, type DisputeStage, LOW, startChallenger } from "../support/disputes.ts";
import { flood } from "../support/flood.ts";
import { hooked } from "../support/hooked-client.ts";

type Print = (line: string) => void;

const BLOCKS = 20;
const TRANSFERS = 100;
const HEIGHT = 20;
const FULL = 2 ** HEIGHT;
const SENDERS = 4;
const RECIPIENT: Hex = `0x${"ee".repeat(20)}`;

const milliseconds = async <T>(work: () => Promise<T>): Promise<readonly [took: number, result: T]> => {
  const began = performance.now();
  const result = await work();
  return [performance.now() - began, result];
};

/** A range of blocks of transfers, claimed for the first time and again. */
const benchRange = async (print: Print): Promise<void> => {
  const store = createMemoryStore();
  const chain = await openChain({ alloc: funded(SENDERS), store });
  const origin = { number: 1n, timestamp: 1_700_000_000n };
  const blocks: { readonly timestamp: bigint; readonly envelopes: readonly Bytes[] }[] = [];
  const nonces = new Array<number>(SENDERS).fill(0);
  let executing = 0;
  for (let i = 0; i < BLOCKS; i++) {
    const envelopes: Bytes[] = [];
    for (let j = 0; j < TRANSFERS; j++) {
      const from = j % SENDERS;
      const nonce = nonces[from] as number;
      nonces[from] = nonce + 1;
      envelopes.push(await sign({ from, nonce, to: RECIPIENT, value: 1n }));
    }
    const timestamp = origin.timestamp + BigInt(i);
    blocks.push({ timestamp, envelopes });
    const [took] = await milliseconds(async () => {
      const builder = await chain.begin({ timestamp, origin });
      for (const bytes of envelopes) await builder.add({ bytes });
      await builder.seal();
    });
    executing += took;
  }
  await chain.setSafe(BigInt(BLOCKS), { batch: 1n, cursor: 0, delayed: 0n });
  const record = { data: encodeBatch(blocks), origin, delayedEnd: 0n };
  const inbox: Inbox = { record: (index) => (index === 0n ? record : undefined), message: () => undefined };
  const hold = chain.hold(0n);
  const claim = () =>
    milliseconds(() =>
      claimedRange({ chain, inbox }, GENESIS_PLACE, {
        limit: 1n,
        height: HEIGHT,
        signal: new AbortController().signal,
      }),
    );
  const [first, { units }] = await claim();
  const again = Math.min((await claim())[0], (await claim())[0]);
  let kept = 0;
  for (const [key, value] of store.scan({ gte: Uint8Array.of(COLUMN.units), lt: Uint8Array.of(COLUMN.units + 1) }))
    kept += key.length + value.length;
  hold.release();
  const show = (name: string, took: number) => {
    const each = (took * 1000) / units;
    print(
      `  ${name.padEnd(40)} ${each.toFixed(1).padStart(8)} us a unit ${((each * FULL) / 1e6).toFixed(0).padStart(7)} s for 2^${HEIGHT}`,
    );
  };
  print(`  ${units} units: transfers of ${SENDERS} senders`);
  show("executed by derivation", executing);
  show("a claim's tree, executed for the first", first);
  show("the same from what is kept", again);
  print(
    `  kept: ${(kept / units).toFixed(1)} bytes a unit, ${((kept / units / 1e6) * FULL).toFixed(0)} MB for 2^${HEIGHT}`,
  );
};

/** Claims one after the other, none of which is decided. */
const claimMany = async (
  t: { after(work: () => unknown): void },
  stage: DisputeStage,
  count: number,
): Promise<void> => {
  const claims = claimsOn(stage);
  const claimant = startClaimant(t, stage, await stage.open(), { from: 5, depth: 0n, intervalBlocks: 1n });
  const made = async () => {
    await stage.anvil.mine(1);
    await claimant.act();
  };
  for (let done = (await claims.proposed()).length; done < count; done = (await claims.proposed()).length)
    for (let i = done; i < count; i++) {
      await flood(stage, 1);
      await made();
    }
  await claimant.stop();
};

/** What a look of the challenger takes of L1 with so many claims open. */
const benchLooks = async (print: Print, counts: readonly number[]): Promise<void> => {
  const ends: (() => unknown)[] = [];
  const t = { after: (work: () => unknown) => void ends.unshift(work) };
  try {
    const stage = await createDisputeStage(t, { claims: { ...LOW, period: 20_000n } });
    await stage.anvil.control.setBalance({ address: "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc", value: 10n ** 24n });
    for (const count of counts) {
      await claimMany(t, stage, count);
      let requests = 0;
      const client = hooked(stage.anvil, (_method, _params, ask) => {
        requests++;
        return ask();
      });
      const counted = { ...stage, anvil: { ...stage.anvil, client } };
      const node = await stage.open();
      const look = async (name: string, challenger: ReturnType<typeof startChallenger>) => {
        requests = 0;
        const [took] = await milliseconds(() => challenger.tick());
        const { counts, failures } = challenger.findings ?? {};
        if (counts === undefined || (failures?.length ?? 0) > 0)
          throw new Error(`the look failed: ${JSON.stringify(failures)}`);
        const open = counts.right + counts.wrong + counts.unjudged;
        print(
          `  ${String(open).padStart(4)} open, ${name.padEnd(34)} ${String(requests).padStart(5)} requests ${took.toFixed(0).padStart(7)} ms`,
        );
      };
      const store: KeyValueStore = createMemoryStore();
      const challenger = startChallenger(t, counted, node, { store });
      await look("first of a new challenger", challenger);
      await look("again, nothing happened", challenger);
      await flood(stage, 1);
      await stage.anvil.mine(1);
      await node.follow();
      await look("again, L1 and the inbox went on", challenger);
      const restarted = startChallenger(t, counted, node, { store });
      await look("first after a restart", restarted);
    }
  } finally {
    for (const end of ends) await end();
  }
};

export const benchClaims = async (print: Print, most = 600): Promise<void> => {
  await benchRange(print);
  await benchLooks(print, [Math.ceil(most / 10), most]);
};
