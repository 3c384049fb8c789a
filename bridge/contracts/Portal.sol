// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deposit, IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IClaimGames} from "./interfaces/IClaimGames.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";
import {IPortal} from "./interfaces/IPortal.sol";
import {Account} from "../../executor/genesis/contracts/libraries/Account.sol";
import {AddressAlias} from "../../executor/genesis/contracts/libraries/AddressAlias.sol";
import {WithdrawalParameters, Withdrawals} from "./Withdrawals.sol";

/// @title Portal
/// @notice Takes ether in, and lets it out by what L2 recorded.
contract Portal is IPortal, Withdrawals {
    /// @notice L2 gas of a plain transfer into the chain.
    uint64 public constant RECEIVE_GAS = 100_000;
    /// @notice Bytes of input: the envelope around them stays below the inbox's limit.
    uint256 public constant MAX_CALLDATA = 90_000;
    uint256 public constant MAX_INITCODE = 49_152;

    IBatchInbox public immutable INBOX;

    constructor(
        ISystemConfig config,
        IBatchInbox inbox,
        IClaimGames games,
        WithdrawalParameters memory parameters
    ) Withdrawals(config, games, parameters) {
        INBOX = inbox;
    }

    /// @notice Deposits to the sender.
    receive() external payable {
        _deposit(msg.sender, msg.value, RECEIVE_GAS, false, "");
    }

    /// @inheritdoc IPortal
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data)
        external
        payable
    {
        _deposit(to, value, gasLimit, isCreation, data);
    }

    /// @inheritdoc IPortal
    function minimumGasLimit(uint64 byteCount, bool isCreation) public pure returns (uint64) {
        uint64 creation = isCreation ? 32_000 + 2 * ((byteCount + 31) / 32) : 0;
        return 21_000 + 16 * byteCount + creation;
    }

    function _deposit(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes memory data) private {
        if (isCreation && to != address(0)) revert BadTarget();
        if (data.length > (isCreation ? MAX_INITCODE : MAX_CALLDATA)) revert LargeCalldata(data.length);
        // INVARIANT: every deposit can pay for its own bytes on L2.
        uint64 minimum = minimumGasLimit(uint64(data.length), isCreation);
        if (gasLimit < minimum) revert SmallGasLimit(gasLimit, minimum);
        // INVARIANT: on L2 a contract never speaks as the account that has its address there.
        address from = Account.hasKey() ? msg.sender : AddressAlias.toL2(msg.sender);
        INBOX.deposit(Deposit(from, to, isCreation, msg.value, value, gasLimit, data));
        emit TransactionDeposited(from, to, 0, abi.encodePacked(msg.value, value, gasLimit, isCreation, data));
    }

    /// @inheritdoc Withdrawals
    function _checkTarget(address target) internal view override {
        // INVARIANT: a message never speaks as the portal to itself, or to the inbox, which mints what the portal tells it.
        if (target == address(this) || target == address(INBOX)) revert BadTarget();
    }
}
