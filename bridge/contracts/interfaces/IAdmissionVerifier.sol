// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {NodeHash} from "../libraries/Ids.sol";
import {Leaf, Past} from "./ILeafRules.sol";

/// @title Level 2 of an admission: the artifact as objects, then its judgement record by record
/// @notice The level has 2^18 leaves, whatever the artifact. Position p < 2^16: object p, as a tensor of bytes at level 3. 0 is
/// the header, 1 the records behind it, 2 + k the data of constant k; what there is not leaves the state as it is. 2^16: the
/// header is judged; then one position each for constants, operators and outputs; the last position: the machine after ADMIT.
///
/// The state between is `K(0x15)` once something is refused, otherwise K of 213 bytes: `0x15 ++ header (96) ++ u32 index ++ u32
/// cursor ++ u64 dataCursor ++ u64 inputEnd ++ u64 tensorBytes ++ u64 weight ++ u32 openingBytes ++ u32 nextOutput ++ u32
/// outputBytes ++ frontier of constants ++ frontier of operators`: the records judged so far, where the next operator's begins
/// among the records, where the next constant's data begin in the artifact, sums, and hashes of append-only trees.
///
/// Evidence, read in order: `state (128) ++ rest (301) ++ registers (342)` of the machine before ADMIT. Objects but 0, and
/// the header's position: `header (96) ++ path`. Objects from 2 on below the number of constants: the constant's record.
/// Judgements: the state between, unless it is refused; then of a constant its record, `dataRoot ++ path`, and the frontier of
/// constants; of an operator the bytes from the cursor on, at most 8,192 of the operators' own, both frontiers, and for each
/// operand that names something before it the record of that: of a constant `record ++ dataRoot ++ path`, of an operator `u16
/// size ++ record ++ path`; of an output its entry, the frontier of operators, and the operator's record as above; at the end
/// outputs, meta and both frontiers. Bytes of records are shown by `root ++ path` of object 1, then its words (`TensorOpening`);
/// paths lead to the left subtree that has the leaf, siblings lowest first.
interface IAdmissionVerifier {
    function leafOf(uint64 position, Past calldata past, bytes calldata evidence) external view returns (Leaf memory);

    /// @notice Hash of byte `position` of an object, as part of height 0. Evidence begins as the object's leaf's; then, of a byte
    /// in the object, the chunk in which it lies (`Content`).
    function elementOf(uint8 k, uint64 position, uint64 object, Past calldata past, bytes calldata evidence)
        external
        view
        returns (NodeHash);
}
