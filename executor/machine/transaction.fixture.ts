import type { Common } from "@ethereumjs/common";
import { Account, Address } from "@ethereumjs/util";
import { accountOf, type authorize, sign, withoutModels } from "../chain/chain.fixture.ts";
import { type ChainMachine, createMachine } from "../evm/engine.ts";
import { createRules } from "../evm/rules.ts";
import { applyTransaction, type Outcome } from "../evm/transition.ts";
import { type Bytes, EMPTY_BYTES, equalBytes, fromHex, type Hex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { appendLeaf, EMPTY_FRONTIER } from "../foundation/merkle.ts";
import { prevRandaoOf } from "../protocol/block.ts";
import { BLOOM_BYTES, bloomOf } from "../protocol/bloom.ts";
import { type ChainState, hashChainState } from "../protocol/chain-state.ts";
import { decodeEnvelope, isRefusal } from "../protocol/envelope.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { hashReceipt, logsChain } from "../protocol/receipt.ts";
import { transactionLeaf } from "../protocol/transaction.ts";
import { createWorldState } from "../state/create-world.ts";
import type { WorldState } from "../state/world.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createAnswers, type Ended, type UnitContext } from "./context.ts";
import type { AccountSetup } from "./frame.fixture.ts";
import { createComparison, observeOpcodes } from "./lockstep.fixture.ts";
import { loadPrecompiles } from "./precompiles.ts";
import { type BlockContext, createHasher, type MachineState, PHASE } from "./state/state.ts";
import { hashTree } from "./state/tree.ts";
import { openWorld } from "./state/world.ts";
import { arrive, stepTransaction } from "./step.ts";

const precompiles = await loadPrecompiles();
const RULES = createRules(DEVNET_PARAMETERS.chainId, "osaka");

/** One transaction on the committed state of a world. Nobody gets the base fee. */
export type TransactionSetup = {
  readonly world: WorldState;
  readonly envelope: Bytes;
  readonly block: BlockContext;
  /** Largest gas limit that is no refusal. */
  readonly gasCap: bigint;
  /** The envelope is loaded by field elements of a blob. */
  readonly inPieces?: boolean;
};

/** Of the length that stands before an envelope in a batch. */
const LENGTH_BYTES = 4;

/** The machine before DECODE, in a block without other transactions. */
export const openTransaction = ({ world, envelope, block, gasCap, inPieces = false }: TransactionSetup) => {
  const pre: ChainState = {
    phase: "open",
    position: { batch: 0n, cursor: 0, delayed: 0n },
    number: block.number,
    timestamp: block.timestamp,
    baseFee: block.baseFee,
    parentHash: ZERO_32,
    stateRoot: world.root,
    gasUsed: 0n,
    gasLimit: block.gasLimit,
    budget: block.gasLimit,
    bloom: new Uint8Array(BLOOM_BYTES),
    transactions: EMPTY_FRONTIER,
    receipts: EMPTY_FRONTIER,
  };
  const chainPre = hashChainState(pre);
  const { world: machineWorld, tree } = openWorld(world.ground(world.version));
  const context: UnitContext = {
    parameters: { ...DEVNET_PARAMETERS, chainId: block.chainId, blockGasLimit: block.gasLimit },
    baseFeeVault: undefined,
    gasCap,
    pre,
    chainPre,
    after: { batch: 0n, cursor: LENGTH_BYTES + envelope.length, delayed: 0n },
    envelope,
    start: LENGTH_BYTES,
    delayed: undefined,
    block,
    precompiles,
    answers: createAnswers(),
  };
  const { after, start, delayed } = context;
  const arrival = { envelope, after, start, delayed, block, inPieces };
  const state = arrive(arrival, { tree, world: machineWorld, chainPre });
  const hasher = createHasher();
  let ended: Ended | undefined;
  let steps = 0;
  return {
    state,
    context,
    /** Of the machine's state. */
    hash: (): Bytes => hasher.hash(state),
    get ended() {
      return ended;
    },
    get steps() {
      return steps;
    },
    step(): void {
      ended = stepTransaction(state, context);
      steps++;
    },
  };
};
type OpenTransaction = ReturnType<typeof openTransaction>;

const isBeforeOpcode = ({ phase, pc, frame }: MachineState): boolean =>
  phase === PHASE.op && frame !== undefined && pc < frame.code.size;

/** Goes on until an opcode is next, or the transaction has ended. */
const runToOpcode = (machine: OpenTransaction): void => {
  while (machine.ended === undefined && !isBeforeOpcode(machine.state)) machine.step();
};

const receiptOf = (envelope: Bytes, { ok, gasUsed, logs, created }: Outcome): Bytes =>
  hashReceipt({
    transaction: transactionLeaf(keccak256(envelope)),
    status: ok ? 1 : 0,
    cumulativeGasUsed: gasUsed,
    gasUsed,
    logsChain: logsChain(logs),
    logs: logs.length,
    bloom: bloomOf(logs),
    created: created?.bytes,
  });

/** What differs at the end, or undefined. `outcome`: the library's, undefined for a refusal. */
const differenceAtEnd = (
  { chain, tree }: Ended,
  { world, envelope }: TransactionSetup,
  outcome: Outcome | undefined,
): string | undefined => {
  const ran = chain.receipts.count === 1;
  if (outcome === undefined) return ran ? "ran, the library refused it" : undefined;
  if (!ran) return "refused, the library ran it";
  if (chain.gasUsed !== outcome.gasUsed) return `gas used ${chain.gasUsed}, the library used ${outcome.gasUsed}`;
  const receipts = appendLeaf(EMPTY_FRONTIER, receiptOf(envelope, outcome));
  if (!equalBytes(chain.receipts.peaks[0] as Bytes, receipts.peaks[0] as Bytes)) return "another receipt";
  const { root } = world.seal();
  world.discard();
  if (!equalBytes(chain.stateRoot, hashTree(tree))) return "the chain state has another root than the tree";
  return equalBytes(hashTree(tree), root) ? undefined : `state root ${toHex(hashTree(tree))}, not ${toHex(root)}`;
};

/** The library's outcome; undefined for a refusal. */
const execute = async (
  library: ChainMachine,
  { envelope, block, gasCap }: TransactionSetup,
): Promise<Outcome | undefined> => {
  const decoded = decodeEnvelope(envelope, { chainId: block.chainId, gasCap });
  if (isRefusal(decoded)) return undefined;
  const outcome = await applyTransaction(library, decoded, {
    available: block.gasLimit,
    baseFeeVault: undefined,
    environment: { ...block, coinbase: new Address(block.coinbase) },
  });
  return isRefusal(outcome) ? undefined : outcome;
};

/** Runs it in the chain's engine alone, as blocks are executed. Leaves the world as it was. */
export const runInLibrary = async (setup: TransactionSetup): Promise<Outcome | undefined> => {
  const outcome = await execute(createMachine(setup.world.manager, { models: withoutModels, rules: RULES }), setup);
  setup.world.discard();
  return outcome;
};

export type Lockstep = {
  /** What differs first, or undefined. */
  readonly difference: string | undefined;
  readonly opcodes: number;
  /** Of the machine. */
  readonly steps: number;
  /** Zero for a refusal. */
  readonly gasUsed: number;
};

/**
 * Runs a transaction in the library and on the machine, opcode by opcode: program counter, gas, stack, memory, depth and
 * refund before each one, then receipt, gas and state root. Leaves the world as it was.
 */
export const runInLockstep = async (setup: TransactionSetup, rules: Common = RULES): Promise<Lockstep> => {
  const { world } = setup;
  const machine = openTransaction(setup);
  const library = createMachine(world.manager, { models: withoutModels, rules });
  const compare = createComparison();
  let difference: string | undefined;
  let opcodes = 0;
  let given = 0n;
  observeOpcodes(library, (libraryState) => {
    if (difference !== undefined) return;
    opcodes++;
    runToOpcode(machine);
    // What authorizations give back is in the machine's counter, and not yet in the library's.
    if (opcodes === 1) given = BigInt(machine.state.refund);
    if (machine.ended !== undefined) difference = "the machine has no such opcode";
    else difference = compare(machine.state, libraryState, given);
    if (difference === undefined) machine.step();
    else difference = `opcode ${opcodes}: ${difference}`;
  });

  const outcome = await execute(library, setup);
  if (difference === undefined) {
    runToOpcode(machine);
    difference =
      machine.ended === undefined
        ? `the machine goes on at pc ${machine.state.pc}`
        : differenceAtEnd(machine.ended, setup, outcome);
  }
  world.discard();
  const gasUsed = Number(outcome?.gasUsed ?? 0n);
  return { difference, opcodes, steps: machine.steps, gasUsed };
};

export const SENDER = accountOf(0).address.toLowerCase() as Hex;

/** A committed state of these accounts, and of a sender who can pay for anything. */
export const worldWith = async (accounts: Readonly<Record<string, AccountSetup>>): Promise<WorldState> => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  const { manager } = world;
  const all = { [SENDER]: { balance: 10n ** 40n }, ...accounts };
  for (const [address, { nonce = 0n, balance = 0n, code = EMPTY_BYTES, slots = [] }] of Object.entries<AccountSetup>(
    all,
  )) {
    const target = new Address(fromHex(address));
    await manager.putAccount(target, new Account(nonce, balance));
    if (code.length > 0) await manager.putCode(target, code);
    for (const [slot, value] of slots) await manager.putStorage(target, uintBE(slot, 32), uintBE(value, 32));
  }
  const sealed = world.seal();
  await store.write(sealed.writes);
  sealed.accept();
  manager.originalStorageCache.clear();
  return world;
};

const BLOCK: BlockContext = {
  number: 1000n,
  timestamp: 1_700_000_000n,
  gasLimit: 2n ** 52n,
  baseFee: 7n,
  coinbase: fromHex(ADDRESS.sequencerFeeVault),
  // Of the block behind no other, whose origin is L1's first.
  prevRandao: prevRandaoOf(toHex(ZERO_32), 0n),
  chainId: DEVNET_PARAMETERS.chainId,
  fork: "osaka",
};

export type CallSetup = {
  readonly accounts: Readonly<Record<string, AccountSetup>>;
  readonly gas: number;
  /** Undefined: a creation. */
  readonly to?: string;
  readonly data?: Bytes;
  readonly value?: bigint;
  readonly authorizations?: readonly Awaited<ReturnType<typeof authorize>>[];
};

/** The setup of one transaction of SENDER's, without a bound on its gas. */
export const setupOf = async ({
  accounts,
  gas,
  to,
  data = EMPTY_BYTES,
  value = 0n,
  authorizations,
}: CallSetup): Promise<TransactionSetup> => {
  const request = {
    nonce: 0,
    gas: BigInt(gas),
    data: toHex(data),
    value,
    ...(to === undefined ? {} : { to }),
    ...(authorizations === undefined ? {} : { authorizationList: authorizations }),
  };
  const envelope = await sign(request);
  return { world: await worldWith(accounts), envelope, block: BLOCK, gasCap: BLOCK.gasLimit };
};

/** Runs it in lockstep. */
export const lockstepOf = async (call: CallSetup): Promise<Lockstep> => runInLockstep(await setupOf(call));
