import assert from "node:assert/strict";
import { test } from "node:test";
import { claimId, contextHash, gameHash, levelBase, rightBase, rootOverLast } from "../../bridge/index.ts";
import {
  type Bytes,
  type BytesOf,
  type ClaimId,
  createGenesis,
  DEVNET_PARAMETERS,
  EMPTY_FRONTIER,
  encodeChainState,
  fromHex,
  genesisChainState,
  type Hex,
  hashChainState,
  keccakOf,
  type NodeHash,
  operatorLeaf,
  outputRootOf,
  partHash,
  type StateHash,
  toHex,
  uintBE,
  wordLeaf,
} from "../../executor/index.ts";
import { startHarness } from "../support/solidity.ts";

const harness = startHarness(
  "Harness",
  `
import {GameHash} from "bridge/contracts/libraries/GameHash.sol";
import {ChainState} from "bridge/contracts/libraries/ChainState.sol";
import {BaseHash, ClaimId, ContextId, EdgeId, NodeHash, StateHash} from "bridge/contracts/libraries/Ids.sol";
contract Harness {
    function game(address registry, ClaimId parent, uint64 batch, bytes32 lineage) external view returns (ContextId) {
        return GameHash.game(registry, parent, batch, lineage);
    }
    function levelBase(ContextId origin, StateHash start) external pure returns (BaseHash) {
        return GameHash.levelBase(origin, start);
    }
    function context(uint8 level, ContextId origin, uint64 position, uint8 height, BaseHash base) external pure returns (ContextId) {
        return GameHash.context(level, origin, position, height, base);
    }
    function edge(ContextId ctx, NodeHash node) external pure returns (EdgeId) {
        return GameHash.edge(ctx, node);
    }
    function rightBase(BaseHash base, NodeHash left) external pure returns (BaseHash) {
        return GameHash.rightBase(base, left);
    }
    function operatorLeaf(uint32 operator, NodeHash tensorRoot) external pure returns (NodeHash) {
        return GameHash.operatorLeaf(operator, tensorRoot);
    }
    function word(bytes32 packed) external pure returns (NodeHash) {
        return GameHash.word(packed);
    }
    function part(uint8 height, bytes calldata packed) external pure returns (NodeHash) {
        return GameHash.part(height, packed);
    }
    function rootOverLast(NodeHash leaf, NodeHash[] calldata path) external pure returns (NodeHash) {
        return GameHash.rootOverLast(leaf, path);
    }
    function chainState(bytes memory state) external pure returns (bool, uint64, bytes32) {
        bool valid = ChainState.isValid(state);
        return valid ? (valid, ChainState.number(state), ChainState.outputRoot(state)) : (valid, 0, bytes32(0));
    }
}`,
);

const call = async <T>(name: string, ...args: readonly unknown[]): Promise<T> => {
  const answer = await (await harness).call<T>(name, args);
  assert.ok("result" in answer, name);
  return answer.result;
};

const some = (i: number): Bytes => keccakOf(uintBE(i, 4));

test("ids of claims are the same in both languages", async () => {
  for (let i = 0; i < 20; i++) {
    const registry = toHex(some(i).subarray(0, 20));
    const parent = toHex(some(100 + i)) as ClaimId;
    const start = some(200 + i) as BytesOf<StateHash>;
    const leaf = some(300 + i) as BytesOf<NodeHash>;
    const limitBatch = 2n ** BigInt(3 * i) - BigInt(i);
    const height = i;
    const path = Array.from({ length: height }, (_, k) => some(1000 * i + k) as BytesOf<NodeHash>);
    // The harness runs on chain 1.
    const lineage = toHex(some(400 + i));
    const game = { l1ChainId: 1n, registry, parent, limitBatch, lineage };
    const origin = gameHash(game);
    assert.equal(await call<Hex>("game", registry, parent, limitBatch, lineage), toHex(origin));
    const base = levelBase(origin, start);
    assert.equal(await call<Hex>("levelBase", toHex(origin), toHex(start)), toHex(base));
    assert.equal(await call<Hex>("rightBase", toHex(base), toHex(leaf)), toHex(rightBase(base, leaf)));
    assert.equal(await call<Hex>("operatorLeaf", i, toHex(leaf)), toHex(operatorLeaf(i, leaf)));
    assert.equal(await call<Hex>("word", toHex(leaf)), toHex(wordLeaf(leaf)));
    const packed = leaf.slice(0, 2 ** (i % 5));
    assert.equal(await call<Hex>("part", i, toHex(packed)), toHex(partHash(i, packed)));
    const place = { level: i % 3, origin, position: limitBatch, height, base };
    assert.equal(
      await call<Hex>("context", place.level, toHex(origin), limitBatch, height, toHex(base)),
      toHex(contextHash(place)),
    );
    const node = rootOverLast(leaf, path);
    assert.equal(await call<Hex>("rootOverLast", toHex(leaf), path.map(toHex)), toHex(node));
    const ctx = toHex(contextHash({ level: 0, origin, position: 0n, height, base }));
    assert.equal(await call<Hex>("edge", ctx, toHex(node)), claimId(game, { start, height, node }));
  }
});

test("a chain state has one form, and gives its output root between blocks only", async () => {
  const first = await genesisChainState(createGenesis(DEVNET_PARAMETERS, {}));
  assert.equal(encodeChainState(first).length, 254);
  assert.deepEqual(hashChainState(first), keccakOf(encodeChainState(first)));
  const state = {
    ...first,
    position: { batch: 3n, cursor: 7, delayed: 9n },
    number: 2n ** 60n + 5n,
    timestamp: 11n,
    transactions: { count: 1, peaks: [some(1)] },
    receipts: EMPTY_FRONTIER,
  };
  const bytes = encodeChainState(state);
  const output = toHex(outputRootOf(state.stateRoot, state.parentHash));
  assert.deepEqual(await call("chainState", toHex(bytes)), [true, state.number, output]);
  const open = encodeChainState({ ...state, phase: "open" });
  assert.deepEqual(await call("chainState", toHex(open)), [true, state.number, `0x${"00".repeat(32)}`]);
  const wrong = [
    bytes.subarray(0, 237),
    Buffer.concat([bytes, Uint8Array.of(0)]),
    Uint8Array.from(bytes, (byte, i) => (i === 0 ? 0x10 : byte)),
    Uint8Array.from(bytes, (byte, i) => (i === 1 ? 2 : byte)),
    fromHex("0x"),
  ];
  for (const other of wrong) assert.equal((await call<readonly [boolean]>("chainState", toHex(other)))[0], false);
});
