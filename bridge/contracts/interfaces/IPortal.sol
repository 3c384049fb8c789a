// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Deposits into the chain, with the face of the OP Stack's portal
interface IPortal {
    /// @notice The OP Stack's event. opaqueData = mint ++ value ++ u64 gasLimit ++ bool isCreation ++ data.
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);

    /// @notice A creation has no target.
    error BadTarget();
    /// @notice The gas does not pay for the transaction's own bytes.
    error SmallGasLimit(uint64 given, uint64 minimum);
    /// @notice The deposit has more bytes than one may have.
    error LargeCalldata(uint256 length);

    /// @notice Queues a transaction on L2, sent by the caller; an account, also one that delegates (EIP-7702), is known
    /// there as itself, a contract by its alias.
    /// @param to Recipient.
    /// @param value Wei to move on L2. `msg.value` is credited to the sender before.
    /// @param gasLimit L2 gas.
    /// @param isCreation Whether data is initcode.
    /// @param data Input.
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data)
        external
        payable;

    /// @return Least gas limit of a deposit.
    function minimumGasLimit(uint64 byteCount, bool isCreation) external pure returns (uint64);
}
