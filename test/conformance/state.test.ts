import assert from "node:assert/strict";
import test from "node:test";
import { Account, createAddressFromString } from "@ethereumjs/util";
import { privateKeyToAccount } from "viem/accounts";
import { concat, createMemoryStore, createWorldState, fromHex, toHex } from "../../executor/index.ts";
import { checkCase, ENGINES } from "./state.ts";
import { chainEngine } from "./state-chain.ts";
import { readStateCorpus, type StateCase } from "./state-corpus.ts";
import { corpus } from "./suite.ts";

const directory = corpus("evm/state");
const skip = directory === undefined ? "no evm/state in the corpora (set CORPORA)" : false;
/** Every so many cases run here; `npm run conformance -- state` runs all. */
const STRIDE = 6;

test("official state tests hold on Ethereum's engine and on the chain's, above this state", { skip }, async () => {
  const { cases } = readStateCorpus(directory as string);
  assert.ok(cases.length > STRIDE);
  const failures: string[] = [];
  for (let i = 0; i < cases.length; i += STRIDE) {
    const state = cases[i] as StateCase;
    for (const engine of ENGINES) {
      if (engine.excluded(state) !== undefined) continue;
      const reason = await checkCase(engine, state);
      if (reason !== "") failures.push(`${engine.name}: ${state.name}: ${reason}`);
    }
  }
  assert.deepEqual(failures, []);
});

const SECRET = fromHex(`0x${"45".repeat(32)}`);
const CREATOR = "0x00000000000000000000000000000000000c0de0";

/** Runs a contract that creates another from two bytes of init code: its nonce, the new address and its gas afterwards. */
const createFrom = async (opcode: "create" | "create2", initcode: readonly [number, number]) => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  const { manager } = world;
  const creator = createAddressFromString(CREATOR);
  const [high, low] = initcode;
  // mstore8(0, high) mstore8(1, low) sstore(1, create(0, 0, 2)) sstore(0, gas)
  const body = concat(
    Uint8Array.of(0x60, high, 0x5f, 0x53, 0x60, low, 0x60, 1, 0x53),
    opcode === "create" ? Uint8Array.of(0x60, 2, 0x5f, 0x5f, 0xf0) : Uint8Array.of(0x5f, 0x60, 2, 0x5f, 0x5f, 0xf5),
    Uint8Array.of(0x60, 1, 0x55, 0x5a, 0x5f, 0x55),
  );
  await manager.putAccount(creator, new Account(1n, 0n));
  await manager.putCode(creator, body);
  const sender = createAddressFromString(privateKeyToAccount(toHex(SECRET)).address);
  await manager.putAccount(sender, new Account(0n, 10n ** 18n));
  const state = {
    environment: {
      currentCoinbase: `0x${"c0".repeat(20)}`,
      currentGasLimit: 30_000_000n,
      currentNumber: 1n,
      currentTimestamp: 1n,
      currentBaseFee: 7n,
      currentRandom: new Uint8Array(32),
    },
    envelope: undefined,
    fork: "osaka",
    transaction: {
      nonce: 0n,
      gasLimit: 10_000_000n,
      value: 0n,
      data: new Uint8Array(0),
      to: CREATOR,
      secretKey: SECRET,
      gasPrice: 10n,
    },
  } as unknown as StateCase;
  const { rejected } = await chainEngine.execute(world, state);
  assert.equal(rejected, undefined);
  const account = await manager.getAccount(creator);
  const created = await manager.getStorage(creator, new Uint8Array(32).fill(1, 31));
  const gas = toHex(await manager.getStorage(creator, new Uint8Array(32)));
  return { nonce: account?.nonce, created: toHex(created), gas };
};

for (const opcode of ["create", "create2"] as const) {
  test(`${opcode} runs init code 0xEF00 as it runs 0xEF01: it halts, and the creator's nonce stays raised`, async () => {
    const other = await createFrom(opcode, [0xef, 0x01]);
    assert.equal(other.nonce, 2n);
    assert.equal(other.created, "0x");
    assert.deepEqual(await createFrom(opcode, [0xef, 0x00]), other);
    const stopped = await createFrom(opcode, [0x00, 0x00]);
    assert.notEqual(stopped.created, "0x");
    assert.notEqual(stopped.gas, other.gas);
  });
}
