import { type Bytes, concat, type Hex, keccak256, messageOf, toHex } from "../../executor/index.ts";
import { deleteLeaf, findLeaf, hashTree, putLeaf, type Tree } from "../../executor/machine/state/tree.ts";
import { openPath, openSibling } from "../../executor/machine/witness/tree.ts";
import { createRandom, type Random } from "../support/random-program.ts";
import { startHarness } from "../support/solidity.ts";

const HARNESS = `
import {Evidence, EvidenceReader} from "bridge/contracts/libraries/Evidence.sol";
import {Path, StateTree} from "bridge/contracts/steps/StateTree.sol";
contract Tree {
  using EvidenceReader for Evidence;
  function read(bytes32 root, bytes32 key, bytes calldata data) external pure returns (bool found, uint256 value) {
    Evidence memory unread = EvidenceReader.open(data);
    Path memory path = StateTree.open(unread, root, key, 32);
    unread.close();
    return (path.found, path.value);
  }
  function change(bytes32 root, bytes32 key, uint256 value, bytes calldata data) external pure returns (bytes32 changed) {
    Evidence memory unread = EvidenceReader.open(data);
    Path memory path = StateTree.open(unread, root, key, 32);
    changed = value == 0 ? StateTree.remove(unread, path) : StateTree.put(path, value);
    unread.close();
  }
}`;

/** Keys that share long prefixes, so that leaves part and rise at every depth. */
const keyOf = (random: Random): Bytes => {
  const key = keccak256(Uint8Array.of(random.below(6)));
  const bit = random.chance(0.2) ? 255 : random.below(256);
  const place = bit >>> 3;
  key[place] = (key[place] as number) ^ (0x80 >>> (bit & 7));
  if (random.chance(0.3)) key[31] = random.below(256);
  return key;
};

const someValue = (random: Random): Bytes => {
  const value = new Uint8Array(32);
  value[31] = random.between(1, 255);
  return value;
};

/** Reads, puts, replacements, removals, of keys that are there and that are not. Answers what differs. */
export const fuzzStateTree = async (round: {
  readonly count: number;
  readonly seed: number;
  print(line: string): void;
}): Promise<readonly string[]> => {
  const { count, seed, print } = round;
  const random = createRandom(seed);
  const harness = await startHarness("Tree", HARNESS);
  const findings: string[] = [];
  const keys: Bytes[] = [];
  let tree: Tree;
  let mutants = 0;
  const call = async (name: string, args: readonly unknown[]): Promise<unknown> => {
    const outcome = await harness.call<unknown>(name, args);
    return "error" in outcome ? outcome.error : outcome.result;
  };
  for (let i = 0; i < count && findings.length < 10; i++) {
    const key = keys.length > 0 && random.chance(0.5) ? random.pick(keys) : keyOf(random);
    keys.push(key);
    const root = toHex(hashTree(tree));
    const removes = random.chance(keys.length > 40 ? 0.6 : 0.35);
    const value = removes ? new Uint8Array(32) : someValue(random);
    const path = openPath(tree, key);
    const evidence = concat(...path, ...(removes ? openSibling(tree, key) : []));
    const next = removes ? deleteLeaf(tree, key) : putLeaf(tree, key, value);
    try {
      const leaf = findLeaf(tree, key);
      const read = await call("read", [root, toHex(key), toHex(concat(...path))]);
      const expected = [leaf !== undefined, leaf === undefined ? 0n : BigInt(toHex(leaf.value))];
      if (String(read) !== String(expected)) findings.push(`${i}: read ${String(read)}, not ${String(expected)}`);
      const changed = await call("change", [root, toHex(key), BigInt(toHex(value)), toHex(evidence)]);
      const wanted: Hex = toHex(hashTree(next));
      if (changed !== wanted) findings.push(`${i}: root ${String(changed)}, not ${wanted}`);
      const bad = evidence.slice();
      const place = random.below(bad.length);
      bad[place] = (bad[place] as number) ^ (1 << random.below(8));
      const taken = await call("change", [root, toHex(key), BigInt(toHex(value)), toHex(bad)]);
      if (taken !== "BadEvidence") findings.push(`${i}: byte ${place} of another value gives ${String(taken)}`);
      mutants++;
    } catch (error) {
      findings.push(`${i}: ${messageOf(error)}`);
    }
    tree = next;
  }
  print(`${count} changes, ${mutants} mutants`);
  return findings;
};
