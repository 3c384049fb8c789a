import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { createEVM, EVM, EVMMockBlockchain, NobleBN254 } from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import fc from "fast-check";
import { withoutModels } from "../chain/chain.fixture.ts";
import { concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { createWorldState } from "../state/create-world.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createMachine, libraryBlock } from "./engine.ts";
import { GAS_HANDLERS } from "./gas.ts";
import { assertLibrary, PRIVATE_NAMES, SyncInterpreter } from "./interpreter.ts";
import { createRules } from "./rules.ts";

const rules = createRules(918273n);
const SELF = new Address(fromHex("0x00000000000000000000000000000000000000c0"));
const OTHER = new Address(fromHex("0x00000000000000000000000000000000000000c1"));
const CALLER = new Address(fromHex("0x00000000000000000000000000000000000000ca"));
const BLOCK = libraryBlock({
  fork: "cancun",
  number: 1000n,
  timestamp: 1_700_000_000n,
  gasLimit: 30_000_000n,
  baseFee: 7n,
  coinbase: new Address(fromHex(ADDRESS.sequencerFeeVault)),
  prevRandao: new Uint8Array(32).fill(3),
}) as never;

const worldWith = async (code: Uint8Array, callee: Uint8Array) => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  const { manager } = world;
  await manager.putAccount(CALLER, new Account(1n, 10n ** 20n));
  await manager.putAccount(SELF, new Account(1n, 1000n));
  await manager.putCode(SELF, code);
  await manager.putStorage(SELF, uintBE(0, 32), uintBE(1, 32));
  await manager.putStorage(SELF, uintBE(1, 32), uintBE(2, 32));
  await manager.putAccount(OTHER, new Account(1n, 5n));
  await manager.putCode(OTHER, callee);
  manager.originalStorageCache.clear();
  return world;
};

const stock = (stateManager: ReturnType<typeof createWorldState>["manager"]) =>
  new EVM({ common: rules, stateManager, blockchain: new EVMMockBlockchain(), bn254: new NobleBN254() });

type Machine = Pick<EVM, "runCall" | "journal">;

/** Everything of a call that consensus sees. */
const observe = async (
  machine: Machine,
  world: Awaited<ReturnType<typeof worldWith>>,
  data: Uint8Array,
  gas: bigint,
) => {
  const precompiles = Array.from({ length: 10 }, (_, i) => toHex(uintBE(i + 1, 20)));
  for (const address of [CALLER.toString(), SELF.toString(), ...precompiles])
    machine.journal.addAlwaysWarmAddress(address);
  const { execResult } = await machine.runCall({
    block: BLOCK,
    caller: CALLER,
    origin: CALLER,
    to: SELF,
    data,
    gasLimit: gas,
    gasPrice: 9n,
    skipNonceIncrement: true,
  });
  await machine.journal.cleanup();
  world.manager.originalStorageCache.clear();
  return {
    gas: execResult.executionGasUsed,
    error: execResult.exceptionError?.error.replace(/ at .*/, ""),
    output: toHex(execResult.returnValue),
    refund: execResult.exceptionError === undefined ? execResult.gasRefund : 0n,
    logs: (execResult.logs ?? []).map(([address, topics, bytes]) => [toHex(address), topics.map(toHex), toHex(bytes)]),
    destroyed: [...(execResult.selfdestruct ?? [])],
    created: [...(execResult.createdAddresses ?? [])],
    root: toHex(world.seal().root),
  };
};

const runBoth = async (code: Uint8Array, callee: Uint8Array, data: Uint8Array, gas: bigint) => {
  const ours = await worldWith(code, callee);
  const theirs = await worldWith(code, callee);
  return [
    await observe(createMachine(ours.manager, { models: withoutModels, rules }), ours, data, gas),
    await observe(stock(theirs.manager), theirs, data, gas),
  ] as const;
};

test("the private names of the library that the engine uses are there", async () => {
  const world = await worldWith(new Uint8Array(0), new Uint8Array(0));
  const machine = createMachine(world.manager, { models: withoutModels, rules });
  assertLibrary(machine);
  const { runState } = await (await createEVM()).runCode({ code: Uint8Array.of(0x5f) });
  const { interpreter } = runState as unknown as { interpreter: object };
  for (const name of PRIVATE_NAMES.interpreter) assert.ok(name in interpreter, `Interpreter.${name}`);
  const state = (interpreter as { _runState: Record<string, object> })._runState;
  for (const name of PRIVATE_NAMES.state) assert.ok(name in state, `RunState.${name}`);
  for (const name of PRIVATE_NAMES.stack) assert.ok(name in (state["stack"] as object), `Stack.${name}`);
  assert.ok(interpreter instanceof Object.getPrototypeOf(SyncInterpreter));
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.resolve("@ethereumjs/evm")), "utf8"),
  ) as { version: string };
  assert.equal(version, "10.1.3", "read the library's changes, then pin the new version here");
});

test("a library without those names is refused", () => {
  const broken = Object.create(null) as EVM;
  assert.throws(() => assertLibrary(broken), { code: "ENGINE_LIBRARY_CHANGED" });
});

/** Opcodes of Cancun; calls, creations and self-destruction included. */
const OPCODES = [
  ...Array.from({ length: 0x0c }, (_, i) => i),
  ...Array.from({ length: 0x0e }, (_, i) => 0x10 + i),
  0x20,
  ...Array.from({ length: 0x10 }, (_, i) => 0x30 + i),
  ...[0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a],
  ...Array.from({ length: 0x0f }, (_, i) => 0x50 + i),
  0x5f,
  ...[0x80, 0x81, 0x82, 0x83, 0x90, 0x91, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4],
  ...[0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xfa, 0xfd, 0xfe, 0xff, 0x0c, 0xef],
];

/** Small operands reach more than random words do; addresses of both contracts and of precompiles are among them. */
const push = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 70 }).map((n) => Uint8Array.of(0x60, n)) },
  { weight: 2, arbitrary: fc.constantFrom(0xc0, 0xc1, 1, 2, 4, 9).map((n) => Uint8Array.of(0x60, n)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((n) => concat(Uint8Array.of(0x7f), n)) },
  { weight: 1, arbitrary: fc.constant(concat(Uint8Array.of(0x7f), new Uint8Array(32).fill(255))) },
);
const instruction = fc.oneof(
  { weight: 3, arbitrary: push },
  { weight: 2, arbitrary: fc.constantFrom(...OPCODES).map((opcode) => Uint8Array.of(opcode)) },
);
/** Eight operands, then instructions: few programs end at once on an empty stack. */
const program = fc
  .tuple(fc.array(push, { minLength: 8, maxLength: 8 }), fc.array(instruction, { minLength: 1, maxLength: 60 }))
  .map(([operands, body]) => concat(...operands, ...body));

test("the synchronous loop equals the library's: gas, output, logs, refunds, state", async () => {
  const errors = new Map<string | undefined, number>();
  await fc.assert(
    fc.asyncProperty(
      program,
      program,
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom(100n, 3000n, 60_000n, 2_000_000n),
      async (code, callee, data, gas) => {
        const [ours, theirs] = await runBoth(code, callee, data, gas);
        assert.deepEqual(ours, theirs);
        errors.set(theirs.error, (errors.get(theirs.error) ?? 0) + 1);
      },
    ),
    { seed: 11, numRuns: 400 },
  );
  assert.ok((errors.get(undefined) ?? 0) >= 20, `too few programs succeed: ${[...errors]}`);
  assert.ok(errors.size >= 5, `too few ways to fail: ${[...errors]}`);
});

test("storage is priced and refunded the same, whatever the order of writes", async () => {
  const small = fc.integer({ min: 0, max: 2 });
  const store = fc.tuple(small, small).map(([value, slot]) => Uint8Array.of(0x60, value, 0x60, slot, 0x55));
  const load = small.map((slot) => Uint8Array.of(0x60, slot, 0x54, 0x50));
  // Calls the other contract in this one's name; it writes too, and may revert.
  const delegate = fc.constant(fromHex("0x5f5f5f5f60c162030d40f450"));
  const body = fc.array(fc.oneof(store, store, load, delegate), { minLength: 1, maxLength: 12 });
  const end = fc.constantFrom("0x00", "0x5f5ffd", "0xfe").map((hex) => fromHex(hex));
  const plain = fc.array(fc.oneof(store, load), { maxLength: 4 });
  const refunds = new Set<bigint | undefined>();
  await fc.assert(
    fc.asyncProperty(body, plain, end, fc.constantFrom(30_000n, 900_000n), async (code, callee, stop, gas) => {
      const [ours, theirs] = await runBoth(concat(...code), concat(...callee, stop), new Uint8Array(0), gas);
      assert.deepEqual(ours, theirs);
      refunds.add(theirs.refund);
    }),
    { seed: 13, numRuns: 300 },
  );
  assert.ok(refunds.size >= 5, `too few refunds: ${[...refunds]}`);
});

test("a loop with jumps, memory, storage, calls and logs runs the same", async () => {
  // for (i = 20; i != 0; i--) { mstore(i, i); sstore(i & 3, keccak(0, 64)); log1(0, 40, i); call(other) }
  const code = fromHex(
    "0x6014" + // i
      "5b" + // 2: loop
      "808052" + // mstore(i, i)
      "60405f20" + // keccak256(0, 64)
      "81600316" + // i & 3
      "55" + // sstore
      "8060285fa1" + // log1
      "60205f60105f5f60c15af150" + // call(gas, 0xc1, 0, 0, 16, 0, 32)
      "3d5f5f3e" + // returndatacopy(0, 0, returndatasize)
      "6001900380" + // i - 1
      "600257" + // jumpi 2
      "60405ff3",
  );
  const callee = fromHex("0x365f5f37365f2060205260205fa0365ff3");
  const [ours, theirs] = await runBoth(code, callee, new Uint8Array(8), 5_000_000n);
  assert.deepEqual(ours, theirs);
  assert.equal(ours.error, undefined);
  assert.ok(ours.logs.length >= 20);
});

test("each plain gas handler prices and fails as the library's promise does", async () => {
  const world = await worldWith(new Uint8Array(0), new Uint8Array(0));
  const theirs = (stock(world.manager) as unknown as { _opcodeMap: { gasHandler: CallableFunction }[] })._opcodeMap;
  const operand = fc.oneof(
    fc.bigInt(0n, 5000n),
    fc.bigInt(0n, 1n << 40n),
    fc.constantFrom(0n, 1n, 31n, 32n, 33n, (1n << 256n) - 1n, 1n << 255n),
  );
  const entries = [...GAS_HANDLERS.entries()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...entries),
      fc.array(operand, { maxLength: 4 }),
      fc.bigInt(0n, 100n),
      fc.boolean(),
      async ([opcode, handler], operands, words, isStatic) => {
        const stateOf = () => ({
          opCode: opcode,
          stack: {
            _store: operands,
            _len: operands.length,
            peek: (count: number) => {
              if (operands.length < count) throw new Error("stack underflow");
              return operands.toReversed().slice(0, count);
            },
          },
          interpreter: { isStatic: () => isStatic, getReturnDataSize: () => 64n },
          env: { eof: undefined },
          memoryWordCount: words,
          highestMemCost: words * 3n + (words * words) / 512n,
        });
        const mine = stateOf();
        const library = stateOf();
        let expected: bigint | string;
        try {
          expected = await theirs[opcode]?.gasHandler(library, 7n, rules);
        } catch (error) {
          expected = "halts";
          assert.ok(error instanceof Error || typeof error === "object");
        }
        let actual: bigint | string;
        try {
          actual = handler(mine, 7n);
        } catch {
          actual = "halts";
        }
        assert.equal(actual, expected, `opcode ${opcode.toString(16)}`);
        if (expected !== "halts") {
          assert.equal(mine.memoryWordCount, library.memoryWordCount);
          assert.equal(mine.highestMemCost, library.highestMemCost);
        }
      },
    ),
    { seed: 12, numRuns: 2000 },
  );
});

const callPrecompile = async (address: string, data: Uint8Array, gas: bigint) => {
  const world = await worldWith(new Uint8Array(0), new Uint8Array(0));
  const machine = createMachine(world.manager, { models: withoutModels, rules });
  const { execResult } = await machine.runCall({
    block: BLOCK,
    caller: CALLER,
    to: new Address(fromHex(address as Hex)),
    data,
    gasLimit: gas,
    skipNonceIncrement: true,
  });
  return {
    ok: execResult.exceptionError === undefined,
    gas: execResult.executionGasUsed,
    output: toHex(execResult.returnValue),
  };
};
const at = (n: number) => toHex(uintBE(n, 20));

test("precompiles: exactly enough gas succeeds, one less burns all", async () => {
  const hello = new Uint8Array(40).fill(7);
  for (const [n, data, gas] of [
    [1, new Uint8Array(128), 3000n],
    [2, hello, 84n],
    [3, hello, 840n],
    [4, hello, 21n],
    [5, new Uint8Array(96), 500n],
    [6, new Uint8Array(128), 150n],
    [7, new Uint8Array(96), 6000n],
    [8, new Uint8Array(0), 45_000n],
    [8, new Uint8Array(192), 79_000n],
    [9, concat(uintBE(12, 4), new Uint8Array(208), Uint8Array.of(1)), 12n],
  ] as const) {
    const enough = await callPrecompile(at(n), data, gas);
    assert.deepEqual([enough.ok, enough.gas], [true, gas], `precompile ${n}`);
    const short = await callPrecompile(at(n), data, gas - 1n);
    assert.deepEqual([short.ok, short.gas, short.output], [false, gas - 1n, "0x"], `precompile ${n}, a gas short`);
  }
});

test("precompiles: input and gas above the protocol's bounds fail and burn", async () => {
  const gas = 20_000_000n;
  for (const n of [1, 2, 3, 4, 5, 6, 7]) {
    assert.equal((await callPrecompile(at(n), new Uint8Array(65_536), gas)).ok, true, `precompile ${n} at the bound`);
    const over = await callPrecompile(at(n), new Uint8Array(65_537), gas);
    assert.deepEqual([over.ok, over.gas], [false, gas], `precompile ${n} above it`);
  }
  const pairing = await callPrecompile(at(8), new Uint8Array(192 * 201), gas);
  assert.deepEqual([pairing.ok, pairing.gas], [false, gas]);
  assert.equal((await callPrecompile(at(8), new Uint8Array(191), gas)).ok, false);
  const rounds = (n: number) => concat(uintBE(n, 4), new Uint8Array(208), Uint8Array.of(1));
  const costly = await callPrecompile(at(9), rounds(8_000_001), gas);
  assert.deepEqual([costly.ok, costly.gas], [false, gas]);
  assert.equal((await callPrecompile(at(9), concat(rounds(1), Uint8Array.of(0)), gas)).ok, false);
  const modexp = (size: number) => concat(uintBE(size, 32), uintBE(1, 32), uintBE(size, 32), new Uint8Array(64));
  assert.equal((await callPrecompile(at(5), modexp(1024), gas)).ok, true);
  const wide = await callPrecompile(at(5), modexp(1025), gas);
  assert.deepEqual([wide.ok, wide.gas], [false, gas]);
});

test("point evaluation accepts a true proof and no other", async () => {
  const input = fromHex(
    "0x01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d3630624d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a18f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a",
  );
  const good = await callPrecompile(at(10), input, 50_000n);
  assert.deepEqual(good, {
    ok: true,
    gas: 50_000n,
    output: toHex(
      concat(uintBE(4096, 32), fromHex("0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")),
    ),
  });
  assert.equal((await callPrecompile(at(10), input, 49_999n)).ok, false);
  for (const index of [0, 40, 70, 100, 150]) {
    const bad = input.slice();
    bad[index] = (bad[index] as number) ^ 1;
    const result = await callPrecompile(at(10), bad, 60_000n);
    assert.deepEqual([result.ok, result.gas], [false, 60_000n], `byte ${index}`);
  }
  assert.equal((await callPrecompile(at(10), concat(input, Uint8Array.of(0)), 60_000n)).ok, false);
});

test("init code that begins with 0xEF runs and halts like any other, with and without a salt", async () => {
  // mstore8(0, 0xef); mstore8(1, last); create[2](0, 0, 2[, 0]); pop
  const creating = (last: string, salted: boolean) =>
    fromHex(`0x60ef5f5360${last}600153${salted ? "5f60025f5ff5" : "60025f5ff0"}5000`);
  for (const salted of [false, true]) {
    const results = [];
    for (const last of ["00", "01"]) {
      const world = await worldWith(creating(last, salted), new Uint8Array(0));
      const machine = createMachine(world.manager, { models: withoutModels, rules });
      const { gas } = await observe(machine, world, new Uint8Array(0), 1_000_000n);
      results.push({ gas, nonce: (await world.manager.getAccount(SELF))?.nonce });
    }
    assert.deepEqual(results[0], results[1]);
    assert.equal(results[0]?.nonce, 2n, "the creator's nonce is spent");
    assert.ok((results[0]?.gas ?? 0n) > 900_000n, "all but a 64th of the gas is burned");
  }
});

test("init code that reverts with 0xEF reverts: what is left of its gas and its data come back", async () => {
  // The word of init code `mstore8(0, first); revert(0, 3)`; create[2](0, 24, 8[, 0]); return what came back.
  const creating = (first: string, salted: boolean) => {
    const initCode = `60${first}5f5360035ffd`;
    return fromHex(`0x67${initCode}5f52${salted ? "5f600860185ff5" : "600860185ff0"}503d5f5f3e3d5ff3`);
  };
  for (const salted of [false, true]) {
    const results = [];
    for (const first of ["ee", "ef"]) {
      const world = await worldWith(creating(first, salted), new Uint8Array(0));
      const machine = createMachine(world.manager, { models: withoutModels, rules });
      const { gas, output } = await observe(machine, world, new Uint8Array(0), 1_000_000n);
      assert.equal(output, `0x${first}0000`);
      results.push(gas);
    }
    assert.equal(results[0], results[1]);
    assert.ok((results[0] as bigint) < 100_000n, "only what was used is taken");
  }
});

test("the rules are Cancun's and the listed ones, whatever the library's defaults are", () => {
  for (const eip of [
    1153, 1559, 2929, 2930, 2935, 3529, 3541, 3651, 3855, 3860, 4399, 5656, 6780, 7516, 7709, 7823, 7883,
  ])
    assert.ok(rules.isActivatedEIP(eip), `EIP-${eip}`);
  for (const eip of [2537, 3540, 7623, 7702, 7825, 7928, 7939, 7951, 8037])
    assert.ok(!rules.isActivatedEIP(eip), `EIP-${eip}`);
  assert.equal(rules.chainId(), 918273n);
  assert.equal(rules.hardfork(), "cancun");
  assert.equal(rules.param("historyServeWindow"), 8191n);
  for (const chainId of [0n, 2n ** 53n]) assert.throws(() => createRules(chainId), { code: "CHAIN_ID_RANGE" });
});
