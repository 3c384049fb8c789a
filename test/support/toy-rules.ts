import {
  type Bytes,
  type ChainState,
  concat,
  encodeChainState,
  keccak256,
  keccakOf,
  operatorLeaf,
  uintBE,
} from "../../executor/index.ts";
import { hashTree, type Tree, tensorTree } from "./board.ts";
import { compile } from "./solidity.ts";

/** A range of three units; each of them five steps, of which one is an inference of two operators on tensors of 16. */
export const UNITS = 3;
const LAST_STEP = 3;
const OPERATORS = 2;
const ELEMENTS = 16;
export const INFER_STEP = 2;
export const TENSOR_LEVEL = 0x33;
export const TOY_HEIGHTS = [2, 3, 2, 4] as const;

/** Rules of a machine that counts: small enough to be played through, with every kind of leaf at every level. */
export const TOY_RULES = compile(
  "ToyRules",
  `
import {ILeafRules, Leaf, LeafKind, Past} from "bridge/contracts/interfaces/ILeafRules.sol";
import {NodeHash, StateHash} from "bridge/contracts/libraries/Ids.sol";

contract ToyRules is ILeafRules {
    function leafOf(uint8 level, uint64 position, Past calldata past, bytes calldata evidence)
        external
        pure
        returns (Leaf memory)
    {
        if (_hash(evidence) != (level == 2 ? past.start : past.pre)) revert BadEvidence();
        if (level == 0) {
            if (_number(evidence) >= ${UNITS}) return _prove(past.pre);
            return Leaf(LeafKind.REFINE, 1, ${TOY_HEIGHTS[1]}, StateHash.wrap(0));
        }
        if (level == 1) {
            if (evidence[0] == 0x11) return _prove(position == 0 ? _machine(0, evidence) : past.pre);
            uint8 step = uint8(evidence[1]);
            bytes calldata chain = evidence[2:];
            if (step == ${INFER_STEP - 1}) return Leaf(LeafKind.REFINE, 2, ${TOY_HEIGHTS[2]}, StateHash.wrap(0));
            if (step < ${LAST_STEP}) return _prove(_machine(step + 1, chain));
            return _prove(_hash(abi.encodePacked(chain[:22], _number(chain) + 1, chain[30:])));
        }
        if (position < ${OPERATORS}) return Leaf(LeafKind.DESCEND, ${TENSOR_LEVEL}, ${TOY_HEIGHTS[3]}, StateHash.wrap(0));
        return _prove(position == ${OPERATORS} ? _machine(${INFER_STEP}, evidence[2:]) : past.pre);
    }

    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        pure
        returns (NodeHash)
    {
        if (_hash(evidence) != past.start || k != 3) revert BadEvidence();
        bytes4 element = bytes4(keccak256(abi.encodePacked(evidence, operator, position)));
        return NodeHash.wrap(keccak256(abi.encodePacked(bytes1(0x14), uint8(0), element)));
    }

    function _prove(StateHash post) private pure returns (Leaf memory) {
        return Leaf(LeafKind.PROVE, 0, 0, post);
    }

    function _machine(uint8 step, bytes calldata chain) private pure returns (StateHash) {
        return _hash(abi.encodePacked(bytes1(0x10), step, chain));
    }

    function _hash(bytes memory state) private pure returns (StateHash) {
        return StateHash.wrap(keccak256(state));
    }

    function _number(bytes calldata chain) private pure returns (uint64) {
        return uint64(bytes8(chain[22:30]));
    }
}`,
);

/** The right trees of the toy machine, and the preimages behind their states. */
export const createToy = (first: ChainState) => {
  const chainState = (number: number): ChainState => ({ ...first, number: BigInt(number) });
  const chain = (number: number): Bytes => encodeChainState(chainState(number));
  const machine = (number: number, step: number): Bytes =>
    concat(Uint8Array.of(0x10, step), encodeChainState(chainState(number)));
  /** The state before a unit's steps, and after each. */
  const within = (unit: number): readonly Bytes[] => [
    chain(unit),
    ...[0, 1, 2, 3].map((step) => machine(unit, step)),
    ...Array.from({ length: 2 ** TOY_HEIGHTS[1] - LAST_STEP - 1 }, () => chain(unit + 1)),
  ];
  const inferred = (unit: number): Bytes => machine(unit, INFER_STEP - 1);
  const elements = (unit: number, operator: number): readonly Bytes[] =>
    Array.from({ length: ELEMENTS }, (_, i) => keccakOf(inferred(unit), uintBE(operator, 8), uintBE(i, 8)).slice(0, 4));
  const tensor = (unit: number, operator: number): Tree => tensorTree(TENSOR_LEVEL, elements(unit, operator));
  return {
    chainState,
    elements,
    /** Leaves of the right tree of each level, in hashes. */
    leaves: {
      chain: Array.from({ length: 2 ** TOY_HEIGHTS[0] }, (_, i) => keccak256(chain(Math.min(i + 1, UNITS)))),
      execution: (unit: number) => within(unit).slice(1).map(keccak256),
      inference: (unit: number) => [
        ...Array.from({ length: OPERATORS }, (_, i) => operatorLeaf(i, tensor(unit, i).node(TOY_HEIGHTS[3], 0))),
        ...Array.from({ length: 2 ** TOY_HEIGHTS[2] - OPERATORS }, () => keccak256(machine(unit, INFER_STEP))),
      ],
    },
    /** What the rules ask for at a leaf. */
    evidence: {
      chain: (position: number) => chain(Math.min(position, UNITS)),
      execution: (unit: number, position: number) => within(unit)[position] as Bytes,
      inference: inferred,
    },
    trees: {
      chain: (leaves: readonly Bytes[]) => hashTree(0, keccak256(chain(0)), leaves),
      execution: (unit: number, leaves: readonly Bytes[]) => hashTree(1, keccak256(chain(unit)), leaves),
      inference: (unit: number, leaves: readonly Bytes[]) => hashTree(2, keccak256(inferred(unit)), leaves),
      tensor,
    },
  };
};
export type Toy = ReturnType<typeof createToy>;
