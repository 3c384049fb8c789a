// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Elements} from "./Elements.sol";
import {GameHash} from "./GameHash.sol";
import {NodeHash} from "./Ids.sol";
import {Tag} from "./Tag.sol";

/// @notice What a program's id commits to, but for its records.
struct ProgramShape {
    uint256 inputs;
    uint256 operators;
    uint256 constants;
    uint256 outputs;
    NodeHash operatorsRoot;
    NodeHash constantsRoot;
    bytes32 outputsHash;
}

/// @notice Holds iff `0 <= off + sum coef[x] * digit[x] < limit`.
struct Guard {
    int256 off;
    int256[] coef;
    uint256 limit;
}

/// @notice One access: element `base + sum stride[x] * digit[x]` of a tensor, live iff all guards hold.
/// @param isConstant Whether `index` is a constant's, otherwise an earlier operator's.
struct Operand {
    bool isConstant;
    uint256 index;
    uint256 dtype;
    uint256 count;
    int256 base;
    int256[] stride;
    Guard[] guards;
}

/// @param extents Of the output axes, then of the reduction axes.
/// @param outputAxes How many of them are the output's.
/// @param body By kind.
struct Operator {
    uint256 kind;
    uint256 dtype;
    uint256 outputAxes;
    uint256[] extents;
    Operand[] operands;
    bytes body;
}

/// @title A tensor program, read from the preimages of its id
/// @notice Twin of executor/tensor/{codec,identity,address}.ts. What opens against the id of an admitted program is
/// well-formed, so only lengths are checked here.
library Program {
    uint256 internal constant HEADER_SIZE = 96;
    /// @notice Header, root of the operator records, root of the constant records, hash of the outputs.
    uint256 internal constant IDENTITY_SIZE = HEADER_SIZE + 96;
    uint256 internal constant CONSTANT_RECORD_SIZE = 32;
    /// @notice Where a constant's record has its bounds.
    uint256 internal constant CONSTANT_BOUNDS = 8;
    /// @notice Of an operator's record, before the extents; its bounds lie behind these.
    uint256 internal constant RECORD_HEAD = 8;
    uint256 internal constant OUTPUT_SIZE = 8;

    uint256 internal constant INPUT = 0;
    uint256 internal constant MOVE = 1;
    uint256 internal constant GATHER = 2;
    uint256 internal constant CONTRACT = 3;
    uint256 internal constant REDUCE = 4;
    uint256 internal constant TOPK = 5;
    uint256 internal constant MAP = 6;

    /// @notice Byte `dtype`: k, where 2^k elements make a word.
    bytes6 private constant WORD_EXPONENT = 0x000505030203;

    /// @notice The program of an id.
    /// @param identity `header ++ operatorsRoot ++ constantsRoot ++ K(outputs)`.
    function open(bytes32 id, bytes memory identity) internal pure returns (ProgramShape memory shape) {
        // INVARIANT: fixed width, so that the id has one preimage.
        if (identity.length != IDENTITY_SIZE || keccak256(abi.encodePacked(Tag.PROGRAM_ID, identity)) != id) {
            revert ILeafRules.BadEvidence();
        }
        shape.inputs = _uint(identity, 8, 4);
        shape.operators = _uint(identity, 12, 4);
        shape.constants = _uint(identity, 16, 4);
        shape.outputs = _uint(identity, 20, 4);
        shape.operatorsRoot = NodeHash.wrap(bytes32(_uint(identity, HEADER_SIZE, 32)));
        shape.constantsRoot = NodeHash.wrap(bytes32(_uint(identity, HEADER_SIZE + 32, 32)));
        shape.outputsHash = bytes32(_uint(identity, HEADER_SIZE + 64, 32));
    }

    /// @notice Operator `index` of the program.
    /// @param path Siblings of its record, lowest first.
    function operatorAt(ProgramShape memory shape, uint256 index, bytes memory record, bytes32[] memory path)
        internal
        pure
        returns (Operator memory)
    {
        NodeHash leaf = NodeHash.wrap(keccak256(abi.encodePacked(Tag.OPERATOR_RECORD, uint32(index), record)));
        _requireLeaf(shape.operatorsRoot, shape.operators, index, leaf, path);
        return decodeOperator(record);
    }

    /// @notice Whether `record ++ dataRoot` is constant `index` of the program.
    function requireConstant(
        ProgramShape memory shape,
        uint256 index,
        bytes memory record,
        bytes32 dataRoot,
        bytes32[] memory path
    ) internal pure {
        if (record.length != CONSTANT_RECORD_SIZE) revert ILeafRules.BadEvidence();
        NodeHash leaf =
            NodeHash.wrap(keccak256(abi.encodePacked(Tag.CONSTANT_RECORD, uint32(index), record, dataRoot)));
        _requireLeaf(shape.constantsRoot, shape.constants, index, leaf, path);
    }

    /// @notice The operators whose outputs are the program's, ascending.
    function outputsOf(ProgramShape memory shape, bytes memory outputs)
        internal
        pure
        returns (uint256[] memory operators)
    {
        if (outputs.length != OUTPUT_SIZE * shape.outputs || keccak256(outputs) != shape.outputsHash) {
            revert ILeafRules.BadEvidence();
        }
        operators = new uint256[](shape.outputs);
        for (uint256 i; i < operators.length; ++i) {
            operators[i] = _uint(outputs, OUTPUT_SIZE * i, 4);
        }
    }

    function decodeOperator(bytes memory record) internal pure returns (Operator memory op) {
        op.kind = _uint(record, 0, 1);
        op.dtype = _uint(record, 1, 1);
        op.outputAxes = _uint(record, 2, 1);
        uint256 axes = op.outputAxes + _uint(record, 3, 1);
        op.extents = new uint256[](axes);
        op.operands = new Operand[](_uint(record, 4, 1));
        uint256 offset = 8;
        for (uint256 x; x < axes; ++x) {
            op.extents[x] = _uint(record, offset, 4);
            offset += 4;
        }
        offset += 16; // the declared interval
        for (uint256 j; j < op.operands.length; ++j) {
            offset = _decodeOperand(record, offset, axes, op.operands[j]);
        }
        uint256 bodySize = _uint(record, 6, 2);
        if (offset + bodySize != record.length) revert ILeafRules.BadEvidence();
        op.body = new bytes(bodySize);
        bytes memory body = op.body;
        assembly ("memory-safe") {
            mcopy(add(body, 32), add(add(record, 32), offset), bodySize)
        }
    }

    /// @notice Hash of operator `index`'s output as a leaf of level 2.
    function operatorLeaf(uint256 index, NodeHash tensorRoot) internal pure returns (NodeHash) {
        return GameHash.operatorLeaf(uint32(index), tensorRoot);
    }

    /// @notice Bytes of a program's packed input from which INPUT operator `op` is read.
    function inputOffset(Operator memory op) internal pure returns (uint256) {
        return _uint(op.body, 0, 8);
    }

    /// @notice Elements of an operator's output.
    function countOf(Operator memory op) internal pure returns (uint256 count) {
        count = 1;
        for (uint256 x; x < op.outputAxes; ++x) {
            count *= op.extents[x];
        }
    }

    /// @notice k: 2^k elements make a word.
    function wordExponent(uint256 dtype) internal pure returns (uint256) {
        if (dtype == 0 || dtype > Elements.F32) revert ILeafRules.BadEvidence();
        return uint8(WORD_EXPONENT[dtype]);
    }

    /// @notice Words of a tensor's data.
    function wordsOf(uint256 dtype, uint256 count) internal pure returns (uint256) {
        return (count * Elements.bytesOf(dtype) + 31) / 32;
    }

    /// @notice Height of a tensor's tree of words.
    function wordHeight(uint256 dtype, uint256 count) internal pure returns (uint256) {
        return ceilLog2(wordsOf(dtype, count));
    }

    /// @notice Height of a tensor's tree of elements: level 3.
    function elementHeight(uint256 dtype, uint256 count) internal pure returns (uint256) {
        return wordExponent(dtype) + wordHeight(dtype, count);
    }

    /// @notice Smallest h with 2^h >= n; 0 for 0.
    function ceilLog2(uint256 n) internal pure returns (uint256 h) {
        while (uint256(1) << h < n) ++h;
    }

    /// @notice Root of the tree in which leaf `index` has these siblings, lowest first.
    function rootOver(NodeHash leaf, uint256 index, bytes32[] memory path) internal pure returns (NodeHash node) {
        node = leaf;
        for (uint256 i; i < path.length; ++i) {
            NodeHash sibling = NodeHash.wrap(path[i]);
            node = index & 1 == 0 ? GameHash.inner(node, sibling) : GameHash.inner(sibling, node);
            index >>= 1;
        }
    }

    function _requireLeaf(NodeHash root, uint256 leaves, uint256 index, NodeHash leaf, bytes32[] memory path)
        private
        pure
    {
        // INVARIANT: the path's length is the tree's height, so that an inner node never passes for a leaf.
        if (index >= leaves || path.length != ceilLog2(leaves) || rootOver(leaf, index, path) != root) {
            revert ILeafRules.BadEvidence();
        }
    }

    function _decodeOperand(bytes memory record, uint256 offset, uint256 axes, Operand memory operand)
        private
        pure
        returns (uint256)
    {
        uint256 source = _uint(record, offset, 4);
        operand.isConstant = source >> 31 == 1;
        operand.index = source & 0x7fffffff;
        operand.dtype = _uint(record, offset + 4, 1);
        operand.guards = new Guard[](_uint(record, offset + 5, 1));
        operand.count = _uint(record, offset + 8, 4);
        (operand.base, operand.stride) = _affine(record, offset + 12, axes);
        uint256 size = 8 + 8 * axes;
        offset += 12 + size;
        for (uint256 g; g < operand.guards.length; ++g) {
            Guard memory guard = operand.guards[g];
            (guard.off, guard.coef) = _affine(record, offset, axes);
            guard.limit = _uint(record, offset + size, 4);
            offset += size + 4;
        }
        return offset;
    }

    /// @dev An i64 and one for each axis.
    function _affine(bytes memory record, uint256 offset, uint256 axes)
        private
        pure
        returns (int256 constant_, int256[] memory coefficients)
    {
        constant_ = int256(int64(uint64(_uint(record, offset, 8))));
        coefficients = new int256[](axes);
        for (uint256 x; x < axes; ++x) {
            coefficients[x] = int256(int64(uint64(_uint(record, offset + 8 + 8 * x, 8))));
        }
    }

    /// @dev `size` big-endian bytes; whoever reads past the end finds the record's length wrong.
    function _uint(bytes memory data, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), offset)))
        }
    }
}
