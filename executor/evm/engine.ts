import type { Common, StateManagerInterface } from "@ethereumjs/common";
import {
  EVM,
  EVMError,
  EVMMockBlockchain,
  type EVMResult,
  type ExecResult,
  type Log,
  type Message,
  NobleBN254,
  type PrecompileFunc,
  type PrecompileInput,
  type SelfdestructMap,
} from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import { fromHex } from "../foundation/bytes.ts";
import type { Pace } from "../foundation/pace.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import type { Fork } from "../protocol/forks.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { admit, infer, type NativeCall } from "./inference.ts";
import { assertLibrary, SyncInterpreter } from "./interpreter.ts";
import { createJournal } from "./journal.ts";
import { blake2, bn254Add, bn254Multiply, bn254Pairing, bounded, pointEvaluation } from "./library-precompiles.ts";
import { OPCODE_HANDLERS, STORAGE_GAS } from "./opcodes.ts";

/** What execution sees of the block it runs in. */
export type BlockEnvironment = {
  /** Whose rules hold. */
  readonly fork: Fork;
  readonly number: bigint;
  readonly timestamp: bigint;
  readonly gasLimit: bigint;
  readonly baseFee: bigint;
  readonly coinbase: Address;
  readonly prevRandao: Uint8Array;
};

/** The library's block: only these fields are asked for. BLOBBASEFEE is one, blobs do not exist. */
export const libraryBlock = (block: BlockEnvironment) => ({
  header: {
    number: block.number,
    timestamp: block.timestamp,
    gasLimit: block.gasLimit,
    baseFeePerGas: block.baseFee,
    coinbase: block.coinbase,
    prevRandao: block.prevRandao,
    difficulty: 0n,
    getBlobGasPrice: () => 1n,
  },
});

type RunResult = {
  logs: Log[];
  returnValue?: Uint8Array;
  selfdestruct: SelfdestructMap;
  createdAddresses?: Set<`0x${string}`>;
};

/** Ethereum's precompiles that are too slow for their price in the library. */
const REPLACED: ReadonlyMap<number, PrecompileFunc> = new Map<number, PrecompileFunc>([
  [6, bn254Add],
  [7, bn254Multiply],
  [8, bn254Pairing],
  [9, blake2],
  [10, pointEvaluation],
]);

type NativePrecompile = (call: NativeCall) => Promise<ExecResult>;

export type MachineComponents = {
  readonly models: ModelRuntime;
  readonly rules: Common;
  readonly pace?: Pace;
};

/** @ethereumjs/evm with the chain's rules, native precompiles that know their message, and the synchronous loop. */
export class ChainMachine extends EVM {
  readonly #native: ReadonlyMap<string, NativePrecompile>;
  /** How the frame that ended last ended. */
  #ended: ExecResult | undefined;
  /** Calls have one; blocks are executed without. */
  readonly pace: Pace | undefined;

  constructor(stateManager: StateManagerInterface, { models, rules, pace }: MachineComponents) {
    super({
      common: rules,
      stateManager,
      blockchain: new EVMMockBlockchain(),
      // Asked for by the library; the precompiles that would use it are replaced.
      bn254: new NobleBN254(),
      // Registered so that they are warm; `_loadCode` below binds what runs.
      customPrecompiles: [ADDRESS.infer, ADDRESS.admit].map((address) => ({
        address: new Address(fromHex(address)),
        function: () => {
          throw new Error("a native precompile runs with its message only");
        },
      })),
    });
    assertLibrary(this);
    this.pace = pace;
    this.#native = new Map<string, NativePrecompile>([
      [ADDRESS.infer, (call) => infer(call, { state: this.stateManager, models, pace })],
      [ADDRESS.admit, (call) => admit(call, { models, pace })],
    ]);
    for (const [key, precompile] of this._precompiles) {
      const address = Number.parseInt(key, 16);
      if (address <= 10) this._precompiles.set(key, bounded(address, REPLACED.get(address) ?? precompile));
    }
    for (const [opcode, handler] of OPCODE_HANDLERS) {
      const entry = this._opcodeMap[opcode];
      if (entry !== undefined) this._opcodeMap[opcode] = { ...entry, opHandler: handler as unknown as never };
    }
    for (const [opcode, handler] of STORAGE_GAS) {
      const entry = this._opcodeMap[opcode];
      if (entry !== undefined) this._opcodeMap[opcode] = { ...entry, gasHandler: handler as unknown as never };
    }
    this.journal = createJournal(
      stateManager,
      Array.from(this._precompiles.keys(), (key) => fromHex(`0x${key}`)),
    );
  }

  protected override async _loadCode(message: Message): Promise<void> {
    if (this.pace !== undefined) await this.pace.pause();
    if (message.code !== undefined) return;
    const address = message.codeAddress.toString();
    const native = this.#native.get(address);
    message.isCompiled = true;
    if (native !== undefined) {
      message.code = (input: PrecompileInput) =>
        native({
          data: input.data,
          gasLimit: input.gasLimit,
          caller: message.caller,
          to: message.to as Address,
          delegated: message.delegatecall,
        });
      return;
    }
    const precompile = this._precompiles.get(address.slice(2));
    message.isCompiled = precompile !== undefined;
    message.code = precompile ?? (await this.stateManager.getCode(message.codeAddress));
  }

  /**
   * The library asks the data of a creation that reverted for the reserved byte (EIP-3541) as well, and then burns its gas.
   * EIP-3541 is about code that would be deployed: a revert stays one.
   */
  protected override async _executeCreate(message: Message): Promise<EVMResult> {
    this.#ended = undefined;
    const made = await super._executeCreate(message);
    const reverted = this.#ended as ExecResult | undefined;
    if (reverted?.exceptionError?.error !== EVMError.errorMessages.REVERT) return made;
    return { ...made, execResult: reverted };
  }

  protected override async runInterpreter(message: Message): Promise<ExecResult> {
    if (this.pace !== undefined) await this.pace.pause();
    const to = message.to as Address;
    const environment = {
      address: to,
      caller: message.caller,
      callData: message.data,
      callValue: message.value,
      code: message.code,
      isStatic: message.isStatic,
      isCreate: false,
      depth: message.depth,
      gasPrice: this._tx?.gasPrice ?? 0n,
      origin: this._tx?.origin ?? message.caller,
      block: this._block,
      contract: (await this.stateManager.getAccount(to)) ?? new Account(),
      codeAddress: message.codeAddress,
      gasRefund: message.gasRefund,
      blobVersionedHashes: [],
      createdAddresses: message.createdAddresses,
    };
    const interpreter = new SyncInterpreter(
      this,
      this.stateManager,
      this.blockchain,
      environment,
      message.gasLimit,
      this.journal,
      this.performanceLogger,
    );
    const result = interpreter._result as RunResult;
    if (message.selfdestruct !== undefined) result.selfdestruct = message.selfdestruct;
    if (message.createdAddresses !== undefined) result.createdAddresses = message.createdAddresses;
    const { runState, exceptionError } = await interpreter.run(message.code as Uint8Array);
    const failed = exceptionError !== undefined;
    const halted = failed && exceptionError.error !== EVMError.errorMessages.REVERT;
    this.#ended = {
      logs: failed ? [] : result.logs,
      selfdestruct: failed ? new Map() : result.selfdestruct,
      createdAddresses: failed ? new Set() : (result.createdAddresses ?? new Set()),
      ...(failed ? { exceptionError } : {}),
      executionGasUsed: halted ? message.gasLimit : message.gasLimit - runState.gasLeft,
      gasRefund: runState.gasRefund,
      returnValue: result.returnValue ?? new Uint8Array(0),
    };
    return this.#ended;
  }
}

/** A machine over a state. One at a time uses it; after an error that is not the EVM's, it is thrown away. */
export const createMachine = (stateManager: StateManagerInterface, components: MachineComponents): ChainMachine =>
  new ChainMachine(stateManager, components);
