import assert from "node:assert/strict";
import test from "node:test";
import { accountOf, ETHER, funded, GWEI, initCode, openChain, sign, withoutModels } from "../chain/chain.fixture.ts";
import { createGenesis } from "../chain/genesis.ts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { modelRecordOf } from "../models/create-runtime.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { recordSlot } from "../protocol/model-call.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createAssembly, type OperatorSpec } from "../tensor/assembly.ts";
import { instruction, map } from "../tensor/builders.ts";
import { programId } from "../tensor/identity.ts";
import type { Program } from "../tensor/program.ts";
import { run } from "../tensor/reference.ts";
import { createAnswering } from "./answers.ts";
import type { DelayedMessage } from "./context.ts";
import { compareUnits, deriveBatches, MEDIA } from "./machine.fixture.ts";
import { PHASE } from "./state/state.ts";

/** y = 3 x over 300 elements of 0..100. */
const ELEMENTS = 300;
const program: Program = (() => {
  const assembly = createAssembly();
  const x = assembly.input({ dtype: "i32", output: [ELEMENTS], interval: { lo: 0, hi: 100 } });
  const body = [instruction("MUL", { operand: 0 }, { int: 3 })];
  const spec = map("i32", [ELEMENTS], [{ tensor: { ref: x }, stride: [1] }], body) as unknown as OperatorSpec;
  return assembly.finish({ outputs: [assembly.operator(spec)], meta: new Uint8Array(0) });
})();
const id = programId(program);
const record = modelRecordOf(program);
const packedRecord =
  (record.gas << 192n) |
  (BigInt(record.inputBytes) << 160n) |
  (BigInt(record.outputBytes) << 128n) |
  (BigInt(record.operators) << 96n) |
  1n;

const models = {
  ...withoutModels,
  async run(_: Hex, input: Bytes) {
    return run(program, input).output;
  },
  program: async () => program,
};

const input = (last: number): Bytes => {
  const bytes = new Uint8Array(record.inputBytes);
  new DataView(bytes.buffer).setInt32(4 * (ELEMENTS - 1), last, true);
  return concat(fromHex(id), bytes);
};

const at = (address: number): Hex => toHex(uintBE(address, 20));
/** Passes its calldata on, and stores what came back, the word's length and whether it worked. */
const forwarder = (opcode: string, target: Hex, value: string): Hex =>
  `0x365f5f375f5f365f${value}73${target.slice(2)}5a${opcode}5f553d6001553d5f5f3e5f51600255`;
/** Initcode that writes slot 0 and deploys CALLER SELFDESTRUCT, as a word. */
const MORTAL = `600760005561${"33ff"}5f526002601ef3`.padEnd(64, "0");
/** Creates a mortal with a wei, calls it twice, so that it is destroyed and is called again, and stores its address. */
const REAPER = `7f${MORTAL}5f52${"6011"}5f6001f05f5f5f5f5f8561fffff1505f5f5f5f600185620ffffff15060055500`;
const CODES: Readonly<Record<number, Hex>> = {
  4096: `0x${REAPER}`,
  // Calls the reaper and reverts.
  4097: `0x5f5f5f5f6001611000620fffff${"f1"}5f5ffd`,
  4098: forwarder("fa", ADDRESS.infer, ""),
  4099: forwarder("f1", ADDRESS.infer, "5f"),
  4100: forwarder("f4", ADDRESS.infer, ""),
  4101: forwarder("fa", at(5), ""),
  // An endless loop.
  4102: "0x5b5f56",
};

const openScenario = async () => {
  const plain = createGenesis(DEVNET_PARAMETERS, {});
  const registry = plain.alloc[ADDRESS.modelRegistry];
  const alloc = {
    ...Object.fromEntries(
      Object.entries(CODES).map(([address, code]) => [at(Number(address)), { nonce: 1n, balance: 5n, code }]),
    ),
    [ADDRESS.modelRegistry]: {
      ...registry,
      storage: { [toHex(recordSlot(fromHex(id)))]: toHex(uintBE(packedRecord, 32)) },
    },
  };
  return openChain({ alloc, models });
};

const deposit = (fields: Partial<Parameters<typeof encodeDeposit>[0]>): DelayedMessage => ({
  kind: "deposit",
  gas: 1_000_000n,
  envelope: encodeDeposit({
    sourceHash: toHex(uintBE(7, 32)),
    from: at(0x3000),
    to: at(0x1000),
    mint: 0n,
    value: 0n,
    gas: 500_000n,
    data: new Uint8Array(0),
    ...fields,
  }),
});
const raw = (envelope: Bytes, gas: bigint): DelayedMessage => ({ kind: "raw", gas, envelope });

/** Blocks of everything that is not ordinary. */
const deriveScenario = async () => {
  const chain = await openScenario();
  let nonce = 0;
  const ok = (request: Omit<Parameters<typeof sign>[0], "nonce">) => sign({ nonce: nonce++, ...request });
  const messages = [
    deposit({ mint: 10n, value: 3n }),
    deposit({ gas: 20_000n, mint: 1n }),
    deposit({ value: 10n ** 30n }),
    deposit({ to: undefined, data: fromHex(initCode("0x600160005500")) }),
    deposit({ to: undefined, data: new Uint8Array(49_153), gas: 16_000_000n }),
    deposit({ to: at(0x1001), mint: 5n, value: 5n }),
    raw(await ok({ to: at(0x1000), value: 1n }), 1_000_000n),
    raw(await sign({ nonce, to: at(0x1000) }), 999_999n),
    raw(deposit({}).envelope, 1_000_000n),
    { ...deposit({}), envelope: Uint8Array.of(0x7e, 0xc0) },
    { kind: "deposit", gas: 1n, envelope: await sign({ nonce }) } as const,
  ];
  const first = [
    await ok({ to: at(0x7777), value: 5n }),
    await ok({ to: at(0x1000), value: 9n, gas: 3_000_000n }),
    await ok({ to: at(0x1001), value: 9n, gas: 3_000_000n }),
    await ok({ to: ADDRESS.infer, data: toHex(input(7)) }),
    await ok({ to: ADDRESS.infer, data: toHex(input(101)) }),
    await ok({ to: ADDRESS.admit, data: toHex(input(7).subarray(0, 64)) }),
    await ok({ to: at(0x1002), data: toHex(input(100)) }),
    await ok({ to: at(0x1002), data: toHex(input(-1)), gas: 3_000_000n }),
    await ok({ to: at(0x1003), data: toHex(input(1)) }),
    await ok({ to: at(0x1004), data: toHex(input(1).subarray(1)), gas: 2_000_000n }),
    await ok({ to: at(0x1005), data: toHex(concat(uintBE(1, 32), uintBE(1, 32), uintBE(1, 32), uintBE(0x030507, 3))) }),
    await ok({ to: at(1), data: "0x00", value: 3n }),
    await ok({ to: at(4), data: toHex(new Uint8Array(65_536)), gas: 2_000_000n }),
    await ok({ to: at(4), data: toHex(new Uint8Array(65_537)), gas: 2_000_000n }),
  ];
  const second = [
    await ok({ data: initCode("0x60016000f3") }),
    await ok({ data: initCode("0xef00") }),
    await ok({ data: "0x5f5ffd" }),
    await ok({ data: "0x" }),
    await ok({ data: "0x33ff", value: 4n }),
    await ok({ to: at(0x1006), gas: 60_000n }),
    // No transactions.
    await sign({ nonce: nonce - 1, to: at(1) }),
    await sign({ nonce: nonce + 1, to: at(1) }),
    await sign({ nonce, to: at(1), value: 10_000n * ETHER }),
    await sign({ nonce, to: at(1), maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }),
    await sign({ nonce, to: at(1), gas: 29_999_999n }),
    await sign({ nonce, to: at(1), gas: 20_999n }),
    await sign({ nonce, data: toHex(new Uint8Array(49_153)), gas: 5_000_000n }),
    fromHex(
      await accountOf(0).signTransaction({ type: "legacy", chainId: 1, nonce, gas: 30_000n, gasPrice: 10n * GWEI }),
    ),
    deposit({}).envelope,
    Uint8Array.of(3, 0xc0),
    new Uint8Array(98_305).fill(1),
    await ok({ to: at(0x7778), value: 1n }),
  ];
  const inbox = await deriveBatches(chain, [{ messages, blocks: [first, second] }, { blocks: [[]] }, { blocks: [] }]);
  return { chain, inbox };
};

/** Statuses of what was a transaction, in order. */
const DELAYED = "1001001";
const FIRST = "11011011111110";
const SECOND = "1001101";

test("the base fee's floor", async () => {
  const parameters = { ...DEVNET_PARAMETERS, initialBaseFee: 11_000_000n, minimumBaseFee: 9_000_000n };
  const chain = await openChain({ genesis: createGenesis(parameters, funded(1)) });
  const blocks = [[], [await sign({ nonce: 0, to: at(0x7777), value: 5n })], []];
  await compareUnits(chain, await deriveBatches(chain, [{ blocks }]), "calldata", createAnswering(models));
  const fees = [1n, 2n, 3n].map((number) => chain.blockByNumber(number)?.header.baseFeePerGas);
  assert.deepEqual(fees, [9_625_000n, 9_000_000n, 9_000_000n]);
});

for (const medium of MEDIA)
  test(`deposits, forced and invalid envelopes, inferences, destructions in ${medium}`, async () => {
    const { chain, inbox } = await deriveScenario();
    const seen = await compareUnits(chain, inbox, medium, createAnswering(models));
    const statuses = [1n, 2n, 3n].map((number) =>
      chain
        .receipts(number)
        ?.map(({ status }) => status)
        .join(""),
    );
    assert.deepEqual(statuses, [`${DELAYED}${FIRST}`, SECOND, ""]);
    for (const phase of [PHASE.infer, PHASE.sweep, PHASE.precompile])
      assert.ok(seen.phases.has(phase), `phase ${phase}`);
  });
