import { Account, Address } from "@ethereumjs/util";
import { withoutModels } from "../chain/chain.fixture.ts";
import { type BlockEnvironment, createMachine, libraryBlock } from "../evm/engine.ts";
import { createRules } from "../evm/rules.ts";
import { type Bytes, EMPTY_BYTES, fromHex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { logsChain } from "../protocol/receipt.ts";
import { createWorldState } from "../state/create-world.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createComparison, observeOpcodes } from "./lockstep.fixture.ts";
import { runBulk } from "./operations/bulk.ts";
import { OPERATIONS } from "./operations/opcodes.ts";
import { runOperation } from "./operations/operation.ts";
import { EMPTY_REFERENCE, NO_WORDS, readReference, referTo, wordsOf } from "./state/memory.ts";
import { EMPTY_STACK } from "./state/stack.ts";
import { FLAG, type MachineState, NO_LOGS, NO_SWEEP, PHASE, RESULT } from "./state/state.ts";
import { hashTree, type Tree } from "./state/tree.ts";
import { codeFrom, createWorld, NO_CODE, warmAddress } from "./state/world.ts";

export type AccountSetup = {
  readonly nonce?: bigint;
  readonly balance?: bigint;
  readonly code?: Bytes;
  readonly slots?: readonly (readonly [slot: bigint, value: bigint])[];
};

/** A call of `SELF` by `CALLER`, as the whole of a transaction. */
export type CallSetup = {
  readonly code: Bytes;
  readonly gas: number;
  readonly calldata?: Bytes;
  readonly slots?: AccountSetup["slots"];
  readonly accounts?: Readonly<Record<string, AccountSetup>>;
  readonly isStatic?: true;
};

export const SELF = "0x00000000000000000000000000000000000000c0";
export const CALLER = "0x00000000000000000000000000000000000000ca";
const CHAIN_ID = 918273n;
const GAS_PRICE = 9n;
/** Numbers of the blocks whose hashes are known: the ring holds the last 256, and here one more. */
const NUMBER = 1000n;
const HASHES = [NUMBER - 1n, NUMBER - 256n, NUMBER - 257n].map((number) => [number, number + 7n] as const);

/** Whose rules hold. */
const FORK = "osaka";
const rules = createRules(CHAIN_ID, FORK);
const environment: BlockEnvironment = {
  fork: FORK,
  number: NUMBER,
  timestamp: 1_700_000_000n,
  gasLimit: 30_000_000n,
  baseFee: 7n,
  coinbase: new Address(fromHex(ADDRESS.sequencerFeeVault)),
  prevRandao: new Uint8Array(32).fill(3),
};

const accountsOf = ({ code, slots = [], accounts = {} }: CallSetup): readonly (readonly [string, AccountSetup])[] =>
  Object.entries<AccountSetup>({
    [CALLER]: { nonce: 1n, balance: 10n ** 20n },
    [SELF]: { nonce: 1n, balance: 1000n, code, slots },
    [ADDRESS.history]: { nonce: 1n, slots: HASHES },
    ...accounts,
  });

const createLibrary = async (setup: CallSetup) => {
  const world = createWorldState(createMemoryStore());
  const { manager } = world;
  for (const [address, { nonce = 0n, balance = 0n, code = EMPTY_BYTES, slots = [] }] of accountsOf(setup)) {
    const target = new Address(fromHex(address));
    await manager.putAccount(target, new Account(nonce, balance));
    if (code.length > 0) await manager.putCode(target, code);
    for (const [slot, value] of slots) await manager.putStorage(target, uintBE(slot, 32), uintBE(value, 32));
  }
  manager.originalStorageCache.clear();
  const machine = createMachine(manager, { models: withoutModels, rules });
  for (const address of [CALLER, SELF, ADDRESS.sequencerFeeVault]) machine.journal.addWarmedAddress(fromHex(address));
  return { world, machine };
};

const unknown = () => {
  throw new Error("every account of the setup is in the tree with its content");
};

/** The machine at the first opcode of the call. */
export const openFrame = (setup: CallSetup): MachineState => {
  const world = createWorld({ account: unknown, code: unknown });
  let tree: Tree;
  let marks: Tree;
  for (const [address, { nonce = 0n, balance = 0n, code = EMPTY_BYTES, slots = [] }] of accountsOf(setup)) {
    const bytes = fromHex(address);
    tree = world.setAccount(tree, bytes, { nonce, balance, code: code.length > 0 ? codeFrom(code) : NO_CODE });
    for (const [slot, value] of slots) tree = world.setSlot(tree, bytes, uintBE(slot, 32), value);
  }
  for (const address of [CALLER, SELF, ADDRESS.sequencerFeeVault]) marks = warmAddress(marks, fromHex(address), FORK);
  const self = fromHex(SELF);
  const calldata = setup.calldata ?? EMPTY_BYTES;
  const data = referTo(wordsOf(calldata), 0, calldata.length);
  const entry = { stateRoot: tree, txTree: marks, logs: NO_LOGS, sweep: NO_SWEEP, refund: 0 };
  return {
    phase: PHASE.op,
    result: RESULT.none,
    pc: 0,
    depth: 0,
    gas: setup.gas,
    refund: 0,
    stack: EMPTY_STACK,
    memory: NO_WORDS,
    frame: {
      parent: undefined,
      self,
      caller: fromHex(CALLER),
      codeAddress: self,
      value: 0n,
      code: world.account(tree, self).code,
      flags: setup.isStatic ? FLAG.static : 0,
      calldata: data,
      outOffset: 0,
      outLength: 0,
      entry,
    },
    stateRoot: tree,
    txStartRoot: tree,
    txTree: marks,
    logs: NO_LOGS,
    sweep: NO_SWEEP,
    returndata: EMPTY_REFERENCE,
    env: {
      block: {
        number: environment.number,
        timestamp: environment.timestamp,
        gasLimit: environment.gasLimit,
        baseFee: environment.baseFee,
        coinbase: environment.coinbase.bytes,
        prevRandao: environment.prevRandao,
        chainId: CHAIN_ID,
        fork: FORK,
      },
      chainPre: ZERO_32,
      txLeaf: ZERO_32,
      origin: fromHex(CALLER),
      to: self,
      kind: 0,
      gasLimit: BigInt(setup.gas),
      gasPrice: GAS_PRICE,
      tip: 0n,
      value: 0n,
      data,
      accessOffset: 0,
      authorizationOffset: 0,
      floorGas: 0n,
      after: { batch: 0n, cursor: 0, delayed: 0n },
    },
    chainPre: ZERO_32,
    registers: undefined,
    world,
  };
};

/** One step of a machine that is in its opcodes. */
export const stepFrame = (state: MachineState): void => {
  if (state.phase === PHASE.op) runOperation(state, OPERATIONS[FORK]);
  else if (state.phase === PHASE.bulk) runBulk(state);
  else throw new Error(`phase ${state.phase}`);
};

/** Runs the call to the exit of its frame. `steps`: how many it took. */
export const runFrame = (setup: CallSetup, before: (state: MachineState) => void = () => {}) => {
  const state = openFrame(setup);
  let steps = 0;
  for (; state.phase !== PHASE.exit; steps++) {
    before(state);
    stepFrame(state);
  }
  return { state, steps };
};

const outputOf = ({ registers }: MachineState): Bytes => {
  if (registers === undefined || !("words" in registers.source)) return EMPTY_BYTES;
  return readReference(registers.source, 0, registers.source.length);
};

/**
 * Runs the call on the machine and in the library, opcode by opcode, then compares how the frame ended: what differs first,
 * or undefined.
 */
export const differenceIn = async (setup: CallSetup): Promise<string | undefined> => {
  const { world, machine } = await createLibrary(setup);
  const state = openFrame(setup);
  const compare = createComparison();
  const size = state.frame?.code.size ?? 0;
  let difference: string | undefined;
  observeOpcodes(machine, (library) => {
    if (difference !== undefined) return;
    if (state.phase !== PHASE.op) difference = `the machine ended before pc ${library.programCounter}`;
    else difference = compare(state, library);
    if (difference !== undefined) return;
    do stepFrame(state);
    while (state.phase === PHASE.bulk);
  });
  const { execResult } = await machine.runCall({
    block: libraryBlock(environment) as never,
    caller: new Address(fromHex(CALLER)),
    origin: new Address(fromHex(CALLER)),
    to: new Address(fromHex(SELF)),
    data: setup.calldata ?? EMPTY_BYTES,
    gasLimit: BigInt(setup.gas),
    gasPrice: GAS_PRICE,
    isStatic: setup.isStatic ?? false,
    skipNonceIncrement: true,
  });
  if (difference !== undefined) return difference;
  if (state.phase === PHASE.op && state.pc >= size) stepFrame(state);
  const { exceptionError, executionGasUsed, returnValue, gasRefund, logs = [] } = execResult;
  const result =
    exceptionError === undefined ? RESULT.success : exceptionError.error === "revert" ? RESULT.revert : RESULT.halt;
  if (state.phase !== PHASE.exit || state.result !== result)
    return `phase ${state.phase}, result ${state.result}; the library: ${exceptionError?.error ?? "success"}`;
  if (BigInt(setup.gas - state.gas) !== executionGasUsed)
    return `${setup.gas - state.gas} gas used, the library used ${executionGasUsed}`;
  if (result !== RESULT.halt && toHex(outputOf(state)) !== toHex(returnValue))
    return `output ${toHex(outputOf(state))}, the library's ${toHex(returnValue)}`;
  if (result !== RESULT.success) return undefined;
  if (BigInt(state.refund) !== gasRefund) return `refund ${state.refund}, the library's ${gasRefund}`;
  const chain = logsChain(
    logs.map(([address, topics, data]) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
    })),
  );
  if (toHex(state.logs.chain) !== toHex(chain) || state.logs.count !== logs.length) return "other logs";
  await machine.journal.cleanup();
  return toHex(hashTree(state.stateRoot)) === toHex(world.seal().root) ? undefined : "another state root";
};
