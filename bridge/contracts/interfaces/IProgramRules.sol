// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Sums over the records before the one that is judged.
/// @param inputEnd Where the last INPUT ends in the packed input.
/// @param tensorBytes Of the operators' outputs.
/// @param weight Units that constants and operators weigh.
/// @param openingBytes That open the outputs so far.
/// @param nextOutput One more than the last output's operator.
struct Sums {
    uint64 inputEnd;
    uint64 tensorBytes;
    uint64 weight;
    uint32 openingBytes;
    uint32 nextOutput;
}

/// @notice What a rule may know of another record: of the tensor that it declares.
/// @param exists Whether there is such a record before the one that is judged.
/// @param lo Of the interval, as the record has it: an i64, or the bits of a binary32.
struct Named {
    bool exists;
    uint8 dtype;
    uint32 count;
    uint64 lo;
    uint64 hi;
}

/// @title Which programs are well-formed, record by record
/// @notice Twin of executor/tensor/{codec,constraints}.ts. Whatever the bytes, there is an answer: none of them reverts but for
/// want of gas.
interface IProgramRules {
    /// @notice Whether a header of 96 bytes is well-formed, and the artifact has the length that it says.
    function header(bytes calldata bytes_, uint64 length) external pure returns (bool);

    /// @notice A constant's record of 32 bytes by itself. Where its data lie is not judged.
    /// @return ok Whether it is well-formed.
    /// @return size Bytes of its data.
    /// @return weight Units.
    function constant_(bytes calldata record) external pure returns (bool ok, uint64 size, uint64 weight);

    /// @notice The operator's record with which the bytes begin.
    /// @return size Its length; 0 where there is none of that form that ends among the bytes.
    /// @return sources For each operand what it names, with the highest bit set of a constant.
    function measure(bytes calldata region) external pure returns (uint16 size, uint32[] memory sources);

    /// @notice An operator by all rules.
    /// @param named What each operand names.
    function operator_(
        bytes calldata header,
        uint32 index,
        bytes calldata record,
        Sums calldata sums,
        Named[] calldata named
    ) external view returns (bool ok, Sums memory next);

    /// @notice An output's entry of 8 bytes.
    /// @param record Of the operator that it names; empty where there is none.
    function output(bytes calldata header, bytes calldata entry, bytes calldata record, Sums calldata sums)
        external
        pure
        returns (bool ok, Sums memory next);
}
