import { RLP } from "@ethereumjs/rlp";
import { Account, createAddressFromString } from "@ethereumjs/util";
import {
  type Bytes,
  createMemoryStore,
  createWorldState,
  type DumpedAccount,
  fromHex,
  keccak256,
  messageOf,
  toHex,
  type WorldState,
  word,
} from "../../executor/index.ts";
import { patriciaRoot } from "./patricia.ts";
import { chainEngine } from "./state-chain.ts";
import { readStateCorpus, type StateCase } from "./state-corpus.ts";
import type { LogEntry, StateEngine } from "./state-engine.ts";
import { libraryEngine } from "./state-library.ts";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.ts";

const commit = async (world: WorldState, write: (sealed: ReturnType<WorldState["seal"]>) => Promise<void>) => {
  const sealed = world.seal();
  await write(sealed);
  sealed.accept();
};

export const freshWorld = () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  return { world, commit: () => commit(world, ({ writes }) => store.write(writes)) };
};

export const putPreState = async ({ manager }: WorldState, { pre }: StateCase): Promise<void> => {
  for (const [address, { nonce, balance, code, storage }] of pre) {
    const target = createAddressFromString(address);
    await manager.putAccount(target, new Account(nonce, balance));
    if (code.length > 0) await manager.putCode(target, code);
    for (const [slot, value] of Object.entries(storage))
      await manager.putStorage(target, word(fromHex(slot.length % 2 === 0 ? slot : `0x0${slot.slice(2)}`)), value);
  }
  manager.originalStorageCache.clear();
};

/** Root of our own tree when nothing but the dump is known: finds slots that outlive their account. */
const rebuiltRoot = async (accounts: Iterable<DumpedAccount>, codeOf: (address: Bytes) => Promise<Bytes>) => {
  const { world, commit: commitWorld } = freshWorld();
  for (const { address, account, slots } of accounts) {
    const target = createAddressFromString(toHex(address));
    await world.manager.putAccount(target, new Account(account.nonce, account.balance));
    if (account.code.size > 0) await world.manager.putCode(target, await codeOf(address));
    for (const [slot, value] of slots) await world.manager.putStorage(target, slot, value);
  }
  await commitWorld();
  return world.root;
};

const logsHash = (logs: readonly LogEntry[]): string =>
  toHex(keccak256(RLP.encode(logs.map(({ address, topics, data }) => [address, [...topics], data]))));

/** Runs one case on one engine. The empty string when all of it holds, else what does not. */
export const checkCase = async (engine: StateEngine, test: StateCase): Promise<string> => {
  const { world, commit: commitWorld } = freshWorld();
  await putPreState(world, test);
  await commitWorld();
  const execution = await engine.execute(world, test);
  const { rejected, logs } = execution;
  await commitWorld();
  if ((test.exception !== undefined) !== (rejected !== undefined))
    return rejected === undefined ? `ran, but must be rejected: ${test.exception}` : `rejected: ${rejected}`;
  if (logsHash(logs) !== test.logsHash) return "another logs hash";
  const root = toHex(await patriciaRoot(engine.dump(world)));
  if (root !== test.root) return `Patricia root ${root}, expected ${test.root}`;
  const codeOf = (address: Bytes) => world.manager.getCode(createAddressFromString(toHex(address)));
  const rebuilt = toHex(await rebuiltRoot(world.dump(), codeOf));
  return rebuilt === toHex(world.root) ? "" : `own root ${toHex(world.root)}, rebuilt from the dump ${rebuilt}`;
};

export const ENGINES: readonly StateEngine[] = [libraryEngine, chainEngine];

export const stateSuite: Suite = {
  name: "state",
  folder: "evm/state",
  async run(directory: string, { filter = "" }: SuiteOptions): Promise<SuiteResult> {
    const corpus = readStateCorpus(directory);
    const failures: { name: string; reason: string }[] = [];
    const exclusions: { name: string; reason: string }[] = [];
    let passed = 0;
    for (const test of corpus.cases) {
      if (!test.name.includes(filter)) continue;
      for (const engine of ENGINES) {
        const excluded = engine.excluded(test);
        if (excluded !== undefined) {
          exclusions.push({ name: `${engine.name}: ${test.name}`, reason: excluded });
          continue;
        }
        const reason = await checkCase(engine, test).catch((error: unknown) => messageOf(error));
        if (reason === "") passed++;
        else failures.push({ name: `${engine.name}: ${test.name}`, reason });
      }
    }
    return {
      passed,
      failures,
      exclusions,
      notes: [
        `${corpus.files} files, ${corpus.cases.length} cases; ${corpus.otherForks} files are of other forks only`,
      ],
    };
  },
};
