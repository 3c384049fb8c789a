import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, type AbiFunction, type Hex, toFunctionSignature, zeroAddress } from "viem";
import {
  admissionVerifier,
  appendCall,
  batchInbox,
  CHANGE_OVER,
  claimGames,
  claimRegistry,
  DEVNET_CLAIMS,
  DEVNET_DELAYS,
  DEVNET_WITHDRAWALS,
  deployBridge,
  isSigner,
  keyAt,
  leafRules,
  modelRegistry,
  portal,
  ROLES,
  readSystem,
  signersOf,
  systemConfig,
  tensorStepVerifier,
} from "../../bridge/index.ts";
import { account } from "../support/anvil.ts";
import { GUARDIAN } from "../support/claims.ts";
import { settlement } from "../support/settlement.ts";
import { BATCHER, createOwned, OWNER, type Owned, SIGNER } from "../support/upgrade.ts";

const [BATCHER_ROLE, SIGNER_ROLE, GUARDIAN_ROLE] = [0, 1, 2];
const NEXT = 7;
const STRANGER = 3;
const { rotationDelay, upgradeDelay } = DEVNET_DELAYS;
const lower = (index: number): Hex => account(index).address.toLowerCase() as Hex;

const rotate = (s: Owned, role: number | undefined, index: number) =>
  s.send(s.owner, "scheduleRotation", [role, account(index).address]);

/** Whether the inbox would take a batch of the account. */
const appends = async (s: Owned, from: number): Promise<string | undefined> => {
  const { number, timestamp } = await s.l1.client.getBlock();
  const index = await s.read<bigint>(s.contracts.batchInbox, batchInbox.abi as Abi, "recordCount");
  const batch = {
    index,
    origin: { number, timestamp },
    delayedEnd: 0n,
    delayedAccumulator: `0x${"00".repeat(32)}` as Hex,
  };
  const { data, to } = appendCall(s.contracts.batchInbox, { ...batch, data: Uint8Array.of(1) });
  try {
    await s.l1.client.call({ account: account(from), to, data });
    return undefined;
  } catch {
    return "refused";
  }
};

test("each key changes at its announced time, L1 and nodes alike; an announcement can be taken back before", async (t) => {
  const s = await createOwned(t);
  const now = async () => readSystem(s.l1.client, s.contracts);
  const pause = (from: number) => s.refusal({ from, ...s.portal }, "pause");
  const before = await now();
  assert.deepEqual(
    ROLES.map((role) => before.keys[role]),
    [BATCHER, SIGNER, GUARDIAN].map((i) => ({ key: lower(i), since: 0n, former: lower(i) })),
  );
  assert.deepEqual([before.owner, before.scheduled], [lower(OWNER), undefined]);
  assert.deepEqual(before.registries, [s.contracts.claimRegistry]);
  const origin = { timestamp: before.block.timestamp };
  assert.deepEqual([isSigner(before, lower(SIGNER), origin), isSigner(before, lower(NEXT), origin)], [true, false]);

  for (const role of [BATCHER_ROLE, SIGNER_ROLE, GUARDIAN_ROLE]) await rotate(s, role, NEXT);
  const announced = await now();
  const { since } = announced.keys.signer;
  assert.deepEqual(announced.keys.signer, { key: lower(NEXT), since, former: lower(SIGNER) });
  assert.ok(since > announced.block.timestamp && since <= announced.block.timestamp + rotationDelay);
  assert.deepEqual([await appends(s, BATCHER), await appends(s, NEXT)], [undefined, "refused"]);
  assert.deepEqual([await pause(GUARDIAN), await pause(NEXT)], [undefined, "Unauthorized"]);
  // A block of an origin behind the rotation bears the new key's signature whenever it is seen.
  assert.deepEqual(
    [since - 1n, since].map((timestamp) => signersOf(announced, { timestamp })),
    [[lower(SIGNER)], [lower(NEXT), lower(SIGNER)]],
  );
  assert.equal(
    await s.refusal(s.owner, "scheduleRotation", [SIGNER_ROLE, account(STRANGER).address]),
    "RotationPending",
  );

  // One of them is taken back: it stays as it was.
  await s.send(s.owner, "cancelRotation", [GUARDIAN_ROLE]);
  assert.equal(await s.refusal(s.owner, "cancelRotation", [GUARDIAN_ROLE]), "NothingScheduled");
  await s.l1.warp(Number(rotationDelay));
  assert.deepEqual([await appends(s, BATCHER), await appends(s, NEXT)], ["refused", undefined]);
  assert.deepEqual([await pause(GUARDIAN), await pause(NEXT)], [undefined, "Unauthorized"]);
  assert.equal(await s.refusal(s.owner, "cancelRotation", [SIGNER_ROLE]), "NothingScheduled");
  const after = await now();
  for (const role of ["batcher", "signer"] as const)
    assert.equal(keyAt(after.keys[role], after.block.timestamp), lower(NEXT));
  // Both keys until the change-over ends, the former one never again.
  const old = { timestamp: since - 5n };
  assert.deepEqual(signersOf(after, old), [lower(SIGNER), lower(NEXT)]);
  assert.equal(
    await s.refusal(s.owner, "scheduleRotation", [SIGNER_ROLE, account(STRANGER).address]),
    "RotationPending",
  );
  await s.l1.warp(Number(CHANGE_OVER));
  const later = await now();
  assert.deepEqual(signersOf(later, old), [lower(NEXT)]);
  assert.deepEqual([isSigner(later, lower(SIGNER), old), isSigner(later, lower(STRANGER), old)], [false, false]);

  // The next rotation; nobody is an answer for the guardian alone.
  for (const role of [BATCHER_ROLE, SIGNER_ROLE])
    assert.equal(await s.refusal(s.owner, "scheduleRotation", [role, zeroAddress]), "NoKey");
  await s.send(s.owner, "scheduleRotation", [GUARDIAN_ROLE, zeroAddress]);
  await rotate(s, SIGNER_ROLE, STRANGER);
  await s.l1.warp(Number(rotationDelay));
  assert.equal(await pause(GUARDIAN), "Unauthorized");
  assert.equal((await now()).keys.signer.former, lower(NEXT));
});

/** What the owner can do, all of it; and what anyone can. */
const POWERS = ["cancelRotation", "cancelUpgrade", "scheduleRotation", "scheduleUpgrade"];
const FREE = ["executeUpgrade"];

const CONTRACTS = {
  batchInbox,
  portal,
  modelRegistry,
  claimRegistry,
  claimGames,
  leafRules,
  tensorStepVerifier,
  admissionVerifier,
} as const;

/** What one of the contracts does for a role alone, and how it refuses everybody else. All else is everybody's. */
const GUARDED: { readonly [name in keyof typeof CONTRACTS]?: Readonly<Record<string, string>> } = {
  batchInbox: { append: "NotSequencer", appendBlobs: "NoBlobs", deposit: "NotDepositor" },
  portal: { pause: "Unauthorized", unpause: "Unauthorized" },
  claimGames: { present: "OnlyRegistry", succeed: "OnlyConfig" },
};
/** What everybody may call, whoever owns the deployment: each function of a contract stands here or above. */
const OPEN: { readonly [name in keyof typeof CONTRACTS]: readonly string[] } = {
  batchInbox: ["enqueue", "force"],
  portal: [
    "depositTransaction",
    "finalizeWithdrawalTransaction",
    "finalizeWithdrawalTransactionExternalProof",
    "proveWithdrawalTransaction",
  ],
  modelRegistry: ["post", "postBlobs", "publish"],
  claimRegistry: [
    ...["collect", "descend", "forfeit", "multicall", "open", "openWord", "propose", "prove", "proveElement"],
    ...["refine", "settle", "start", "update", "withdraw"],
  ],
  claimGames: [],
  leafRules: [],
  tensorStepVerifier: [],
  admissionVerifier: [],
};

const changing = (abi: Abi): readonly AbiFunction[] =>
  abi.filter(
    (item): item is AbiFunction =>
      item.type === "function" && (item.stateMutability === "nonpayable" || item.stateMutability === "payable"),
  );

/** An argument of each type: nothing. */
const nothing = ({ type, components }: { type: string; components?: readonly object[] }): unknown => {
  if (type.endsWith("]")) return [];
  if (type === "tuple")
    return Object.fromEntries((components as never[]).map((c: { name: string }) => [c.name, nothing(c as never)]));
  if (type === "bytes") return "0x";
  if (type.startsWith("bytes")) return `0x${"00".repeat(Number(type.slice(5)))}`;
  if (type === "address") return account(STRANGER).address;
  if (type === "bool") return false;
  return 0n;
};
const named = (type: AbiFunction) => ({ ...type, args: type.inputs.map((input) => nothing(input as never)) });

test("the owner announces, and does nothing else; a stranger does nothing", async (t) => {
  const s = await createOwned(t);
  assert.deepEqual(
    [...new Set(changing(systemConfig.abi as Abi).map(({ name }) => name))].sort(),
    [...POWERS, ...FREE].sort(),
  );
  const stranger = { ...s.owner, from: STRANGER };
  for (const { name, args } of changing(systemConfig.abi as Abi).map(named))
    assert.equal(await s.refusal(stranger, name, args), FREE.includes(name) ? "NothingScheduled" : "NotOwner", name);

  // Every function of every other contract: of a role, which refuses the owner, or everybody's.
  for (const [name, { abi }] of Object.entries(CONTRACTS) as [keyof typeof CONTRACTS, { abi: Abi }][]) {
    const functions = changing(abi);
    const guarded = GUARDED[name] ?? {};
    assert.deepEqual(
      [...new Set(functions.map((item) => item.name))].sort(),
      [...Object.keys(guarded), ...OPEN[name]].sort(),
      name,
    );
    const to = s.contracts[name];
    for (const item of functions.map(named)) {
      const refusal = guarded[item.name];
      if (refusal === undefined) continue;
      for (const from of [OWNER, STRANGER])
        assert.equal(await s.refusal({ from, to, abi }, item.name, item.args), refusal, toFunctionSignature(item));
    }
  }
});

test("no deployment has an owner whose upgrades come sooner than everybody can have left", async (t) => {
  const s = await createOwned(t);
  const { client } = s.l1;
  const options = { forceDelay: 3_600n, genesisOf: () => s.genesis };
  const roles = { guardian: account(GUARDIAN).address, sequencer: account(BATCHER).address };
  const made = (
    change: Parameters<typeof settlement>[0] extends infer R ? Partial<R> : never,
    claims = DEVNET_CLAIMS,
  ) =>
    deployBridge(
      { wallet: s.l1.wallet(9), reader: client },
      { ...options, ...settlement({ ...roles, ...change }), claims },
    ).then(
      ({ contracts }) => contracts,
      (error: { code: string; data: { contract?: string } }) => error.data.contract ?? error.code,
    );
  // The sum of the delays, by the text: a claim at the next spacing, its longest game, and one pause.
  const { heights, period, censorship, delay, spacing } = DEVNET_CLAIMS;
  const answers = heights.reduce((sum, height) => sum + BigInt(height) + 1n, 1n);
  const blocks = spacing + period + censorship + (delay + 1n) * answers;
  const { proofMaturityDelay, finalityDelay, pauseDuration } = DEVNET_WITHDRAWALS;
  const exit = 3_600n + 13n * blocks + proofMaturityDelay + finalityDelay + pauseDuration;
  assert.equal(await s.read<bigint>(s.config.to, s.config.abi, "exitTime", [s.contracts.claimRegistry]), exit);
  assert.ok(exit < upgradeDelay);

  const owner = account(OWNER).address;
  assert.equal(typeof (await made({ owner, upgradeDelay: exit })), "object");
  assert.equal(await made({ owner, upgradeDelay: exit - 1n }), "systemConfig");
  assert.equal(await made({ owner, rotationDelay: 0n }), "systemConfig");
  assert.equal(await made({ owner, rotationDelay: upgradeDelay + 1n }), "systemConfig");
  assert.equal(await made({ batcher: zeroAddress }), "systemConfig");
  assert.equal(await made({ signer: zeroAddress }), "systemConfig");

  // Without an owner there is nothing to wait for, and nobody to announce anything.
  const ownerless = await made({ upgradeDelay: 0n, rotationDelay: 0n });
  if (typeof ownerless !== "object") throw new Error(ownerless);
  const on = { to: ownerless.systemConfig, abi: systemConfig.abi as Abi };
  for (const from of [OWNER, BATCHER, GUARDIAN, 9])
    for (const { name, args } of changing(on.abi).map(named))
      assert.equal(await s.refusal({ from, ...on }, name, args), FREE.includes(name) ? "NothingScheduled" : "NotOwner");
  assert.equal((await readSystem(client, ownerless)).owner, undefined);
});
