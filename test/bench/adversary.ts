/*
 * Seconds of work that one second of L1's time can buy, for each kind of batch that would hurt most.
 *
 * A chain on RocksDB executes blocks of one kind, as derivation does: decoding, senders, execution, roots and the synced
 * write. What it took is CPU time of this process, all threads, so that a busy machine changes little. What it cost is
 * what left the chain's budget, and `budget.rate` says how much of that a second adds. The ratio of both is how many
 * seconds of work a hostile sequencer gets for a second; above 1 a node of one core falls behind for good. The plain
 * transfers of the first row are the peer.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accountOf, ETHER, funded, sign, telemetry } from "../../executor/chain/chain.fixture.ts";
import {
  ADDRESS,
  type Bytes,
  type Chain,
  concat,
  createChain,
  createGenesis,
  createModelRuntime,
  createWorldState,
  DEFAULT_BUDGET,
  DEVNET_PARAMETERS,
  encodeProgram,
  fromHex,
  type GenesisAlloc,
  importOnnx,
  modelRecordOf,
  modelRegistryPredeploy,
  openRocksStore,
  programId,
  recordSlot,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { assemble, type Item, initCodeOf, OP, op } from "../../executor/machine/bytecode.fixture.ts";

/** As `assay deploy` makes a chain. */
const PARAMETERS = { ...DEVNET_PARAMETERS, budget: DEFAULT_BUDGET };
/** Seconds of work a second may buy at most, and what the default rate leaves a node of one core. */
const GOAL = 0.5;
const GAS = 2n ** 24n;
const SENDERS = 40;
const ACCOUNTS = 20_000;
const DUP1 = 0x80;

/** The body again and again until the gas is gone; a counter stays on the stack. */
const loop = (...body: readonly Item[]): Bytes => assemble(0n, OP.jumpdest, ...body, 1n, OP.add, 1n, OP.jump);

const repeat = (times: number, ...items: readonly Item[]): Bytes => assemble(...Array(times).fill(assemble(...items)));

/** Calls a precompile with memory as input, so large that its price is what matters. */
const precompile = (address: bigint, size: bigint, ...setup: readonly Item[]): Bytes =>
  concat(
    assemble(...setup),
    Uint8Array.of(OP.jumpdest),
    op(OP.staticcall, OP.gas, address, 0n, size, 0n, 0n),
    assemble(OP.pop, BigInt(assemble(...setup).length), OP.jump),
  );

const scattered = (...use: readonly Item[]): Bytes =>
  loop(op(OP.mstore, 0n, DUP1), assemble(op(OP.keccak256, 0n, 32n), ...use));

const _MODEXP_ODD = concat(uintBE(1, 32), uintBE(32, 32), uintBE(32, 32));

/** Contracts that run until their gas is gone. */
const LOOPS: Readonly<Record<string, Bytes>> = {
  "jumpdest, one gas a step": assemble(repeat(4_000, OP.jumpdest), 0n, OP.jump),
  "push and pop": loop(repeat(200, DUP1, OP.pop)),
  mulmod: loop(repeat(60, op(0x09, op(OP.not, 0n), DUP1, op(OP.not, 1n)), OP.pop)),
  division: loop(repeat(60, op(0x04, op(OP.not, 0n), op(OP.add, DUP1, 3n)), OP.pop)),
  exponentiation: loop(repeat(10, op(0x0a, 3n, op(OP.not, 0n)), OP.pop)),
  memory: loop(repeat(50, op(OP.mstore, op(OP.and, DUP1, 0x3fffn), DUP1))),
  "hashes of a word": loop(repeat(20, op(OP.keccak256, 0n, 32n), OP.pop)),
  "hashes of 100 KB": loop(op(OP.keccak256, 0n, 100_000n), OP.pop),
  "copies of 30 KB": loop(op(OP.mcopy, 0n, 30_000n, 30_000n)),
  logs: loop(op(OP.log0 + 4, 0n, 32n, DUP1, DUP1, DUP1, DUP1)),
  "cold slots read": scattered(OP.sload, OP.pop),
  "fresh slots written": loop(op(OP.sstore, DUP1, op(OP.add, DUP1, 1n))),
  "transient slots": loop(op(OP.tstore, DUP1, DUP1)),
  "cold accounts": scattered(OP.balance, OP.pop),
  "cold code": scattered(OP.extcodehash, OP.pop),
  "contracts made": loop(op(OP.create, 0n, 0n, 0n), OP.pop),
  calls: loop(op(OP.call, 5_000n, OP.address, 0n, 0n, 0n, 0n, 0n), OP.pop),
  "calls of nobody": loop(repeat(50, op(OP.staticcall, 0n, 0xffffn, 0n, 0n, 0n, 0n), OP.pop)),
  identity: precompile(4n, 0n),
  ecrecover: precompile(1n, 128n),
  "sha256 of 60 KB": precompile(2n, 60_000n),
  "ripemd of 60 KB": precompile(3n, 60_000n),
  modexp: precompile(
    5n,
    192n,
    op(OP.mstore, 0n, 32n),
    op(OP.mstore, 32n, 32n),
    op(OP.mstore, 64n, 32n),
    op(OP.mstore, 96n, op(OP.not, 0n)),
    op(OP.mstore, 128n, op(OP.not, 0n)),
    op(OP.mstore, 160n, op(OP.not, 2n)),
  ),
  "bn254 addition": precompile(6n, 128n),
  "bn254 multiplication": precompile(
    7n,
    96n,
    op(OP.mstore, 0n, 1n),
    op(OP.mstore, 32n, 2n),
    op(OP.mstore, 64n, op(OP.not, 0n)),
  ),
  "bn254 pairing": precompile(8n, 192n),
  blake2f: precompile(9n, 213n, op(OP.mstore, 0n, 0x000fffffn << 224n), op(OP.mstore8, 212n, 1n)),
};

const { program } = importOnnx(readFileSync(new URL("../models/digits.qdq.onnx", import.meta.url)), { name: "digits" });
const MODEL = programId(program);
const record = modelRecordOf(program);
const packedRecord =
  (record.gas << 192n) |
  (BigInt(record.inputBytes) << 160n) |
  (BigInt(record.outputBytes) << 128n) |
  (BigInt(record.operators) << 96n) |
  1n;
/** Calls the model until the gas is gone. */
const coldModel = ((): Bytes => {
  const setup = op(OP.mstore, 0n, BigInt(MODEL));
  const call = op(OP.staticcall, OP.gas, BigInt(ADDRESS.infer), 0n, BigInt(32 + record.inputBytes), 0n, 0n);
  return assemble(setup, OP.jumpdest, call, OP.pop, BigInt(setup.length), OP.jump);
})();

const CONTRACTS: Readonly<Record<string, Bytes>> = { ...LOOPS, "models that are cold": coldModel };

const addressOf = (index: number): `0x${string}` => toHex(uintBE(0xad0000 + index, 20));

type Load = {
  /** Executes blocks; answers the number of blocks. */
  run(chain: Chain): Promise<number>;
};

let time = 1_700_000_000n;
/** A block as derivation makes it. Time goes on by a minute, so that the budget is full. */
const block = async (chain: Chain, envelopes: readonly Bytes[], seconds = 60n): Promise<void> => {
  time += seconds;
  const builder = await chain.begin({ timestamp: time, origin: { number: time, timestamp: time } });
  for (const bytes of envelopes) {
    if (builder.budget < PARAMETERS.budget.refusal) throw new Error("the bench's block is above the budget");
    await builder.add({ bytes });
  }
  await builder.seal();
};

const nonces = new Array<number>(SENDERS).fill(0);
const signed = async (from: number, fields: Parameters<typeof sign>[0] | object): Promise<Bytes> => {
  const nonce = nonces[from] as number;
  nonces[from] = nonce + 1;
  return sign({ gas: GAS, maxFeePerGas: 10n ** 13n, ...fields, from, nonce });
};

const loads = async (): Promise<Readonly<Record<string, Load>>> => {
  const transfers: Bytes[] = [];
  for (let i = 0; i < 1_000; i++)
    transfers.push(await signed(i % SENDERS, { to: addressOf(i + 10_000), value: 1n, gas: 21_000n }));
  const rubbish = (size: number) => {
    const bytes = new Uint8Array(size).fill(0xa5);
    bytes[0] = 2;
    return bytes;
  };
  const unsigned = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) =>
      sign({ from: i % SENDERS, nonce: 1_000_000 + i, to: addressOf(1), gas: 21_000n }),
    ),
  );
  const zeros = await Promise.all(
    Array.from({ length: 4 }, () =>
      signed(0, { to: addressOf(1), data: toHex(new Uint8Array(95_000)), gas: 21_000n + 4n * 95_000n }),
    ),
  );
  const inits = await Promise.all(
    Array.from({ length: 4 }, () => signed(1, { data: toHex(initCodeOf(new Uint8Array(24_000).fill(OP.jumpdest))) })),
  );
  const flood = (envelopes: readonly Bytes[]): Load => ({
    run: async (chain) => {
      await block(chain, envelopes);
      return 1;
    },
  });
  const calls = await Promise.all(
    Object.keys(CONTRACTS).map(
      async (name, i) => [name, flood([await signed(2 + (i % (SENDERS - 2)), { to: addressOf(i) })])] as const,
    ),
  );
  return {
    "transfers (peer)": flood(transfers),
    "empty blocks": {
      run: async (chain) => {
        for (let i = 0; i < 300; i++) await block(chain, [], 1n);
        return 300;
      },
    },
    "refused: rubbish of a byte": flood(Array.from({ length: 1_000 }, () => rubbish(1))),
    "refused: rubbish of 98,304 bytes": flood(Array.from({ length: 200 }, () => rubbish(98_304))),
    "refused: signed, of a wrong nonce": flood(unsigned),
    "calldata of zeros": flood(zeros),
    "largest codes made": flood(inits),
    ...Object.fromEntries(calls),
  };
};

const alloc = (): GenesisAlloc => ({
  ...funded(SENDERS, 10n ** 9n * ETHER),
  ...Object.fromEntries(
    Array.from({ length: ACCOUNTS }, (_, i) => [toHex(uintBE((1n << 150n) + BigInt(i), 20)), { balance: 1n }]),
  ),
  [ADDRESS.modelRegistry]: {
    nonce: 1n,
    code: modelRegistryPredeploy.code,
    storage: { [toHex(recordSlot(fromHex(MODEL)))]: toHex(uintBE(packedRecord, 32)) },
  },
  ...Object.fromEntries(Object.values(CONTRACTS).map((code, i) => [addressOf(i), { nonce: 1n, code: toHex(code) }])),
});

export const benchAdversary = async (print: (line: string) => void): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  const store = await openRocksStore(join(directory, "chain"));
  // Nothing is kept: as if each call were of another model than the last thousands.
  const models = await createModelRuntime({ store, ...telemetry() }, { cacheBytes: 0, memoBytes: 0 });
  await models.admit(MODEL, await models.putChunks([encodeProgram(program)]));
  const genesis = createGenesis(PARAMETERS, alloc());
  const chain = await createChain({ store, world: createWorldState(store), models, ...telemetry() }, { genesis });
  const { rate, block: blockPrice } = PARAMETERS.budget;
  print(`rate ${rate} gas a second; seconds of work for a second of L1's time, goal below ${GOAL}`);
  await block(chain, [await signed(0, { to: accountOf(1).address, value: 1n, gas: 21_000n })]);
  let peer: number | undefined;
  const only = process.argv[3];
  for (const [name, load] of Object.entries(await loads())) {
    if (only !== undefined && !name.includes(only) && peer !== undefined) continue;
    const before = chain.head.header.number;
    const started = process.cpuUsage();
    const blocks = await load.run(chain);
    const { user, system } = process.cpuUsage(started);
    let spent = BigInt(blocks) * blockPrice;
    for (let number = before + 1n; number <= chain.head.header.number; number++) {
      const { budget, gasUsed } = chain.blockByNumber(number)?.header ?? { budget: 0n, gasUsed: 0n };
      // A block that begins with a full budget: what is missing was used, or was the price of refusals.
      const used = PARAMETERS.budget.cap - blockPrice - budget;
      spent += blocks === 1 && used > gasUsed ? used : gasUsed;
    }
    const work = (user + system) / 1e6;
    const ratio = work / (Number(spent) / Number(rate));
    peer ??= ratio;
    const verdict = ratio < GOAL ? "" : "  ABOVE THE GOAL";
    print(
      `  ${name.padEnd(34)} ${ratio.toFixed(3)}   ${(Number(spent) / 1e6 / work).toFixed(1).padStart(7)} Mgas/s   ${(ratio / peer).toFixed(2)} x transfers${verdict}`,
    );
  }
  await chain.stop();
  await models.stop();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
};
