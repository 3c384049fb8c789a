// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IClaimGame} from "./IClaimGame.sol";
import {IClaimGames} from "./IClaimGames.sol";

/// @notice A message from L2 as its message passer recorded it.
struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

/// @notice What an output root is the hash of.
struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

enum WithdrawalStatus {
    UNPROVEN,
    CLAIM_REJECTED,
    PROOF_MATURING,
    CLAIM_OPEN,
    FINALITY_DELAY,
    READY,
    FINALIZED
}

/// @title Withdrawals, with the face of the OP Stack's portal
interface IWithdrawals {
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    event WithdrawalProvenExtension1(bytes32 indexed withdrawalHash, address indexed proofSubmitter);
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);
    event Paused(uint256 until);
    event Unpaused();

    /// @notice The withdrawal was finalized before: nothing is to be done.
    error OptimismPortal_AlreadyFinalized();
    /// @notice The caller, or who is named, has not proven the withdrawal. Prove it first.
    error OptimismPortal_Unproven();
    /// @notice The proof's maturity delay is not over. Wait.
    error OptimismPortal_ProofNotOldEnough();
    /// @notice The claim is not confirmed, or its finality delay is not over, or it has lost.
    error OptimismPortal_InvalidRootClaim();
    /// @notice Withdrawals are paused. Try again when the pause is over.
    error CallPaused();
    /// @notice A withdrawal's call may not finalize another.
    error NonReentrant();
    /// @notice Only in an estimation: with this gas the withdrawal's call fails.
    error GasEstimation();
    /// @notice The output root proof is not what the claim's output root is made of.
    error InvalidProof();
    /// @notice The proof does not show the withdrawal in the state that was claimed.
    error InvalidMerkleProof();
    /// @notice The claim has lost.
    error InvalidDisputeGame();
    /// @notice Ether that is not here: the withdrawal stays as it is.
    error NotCovered(uint256 value, uint256 balance);
    /// @notice Only the guardian pauses and unpauses.
    error Unauthorized();
    /// @notice At most a quarter of any time is paused. From `earliest`, in seconds, it can be again.
    error PauseTooSoon(uint256 earliest);
    /// @notice Seconds; at deployment.
    error DelayTooLong(uint256 given, uint256 most);

    /// @notice Shows that L2 recorded the withdrawal in the state of a claim. Starts the proof maturity delay.
    /// @param withdrawal As the message passer's event has it.
    /// @param gameIndex Of a claim whose state has the withdrawal.
    /// @param output What the claim's output root is made of.
    /// @param proof One element: the RLP list of `eth_getProof` for the withdrawal's slot.
    function proveWithdrawalTransaction(
        WithdrawalTransaction calldata withdrawal,
        uint256 gameIndex,
        OutputRootProof calldata output,
        bytes[] calldata proof
    ) external;

    /// @notice Makes the call that the caller has proven. It is made once, also when the target fails.
    function finalizeWithdrawalTransaction(WithdrawalTransaction calldata withdrawal) external;

    /// @notice The same, by another's proof.
    function finalizeWithdrawalTransactionExternalProof(WithdrawalTransaction calldata withdrawal, address submitter)
        external;

    /// @notice Reverts unless the withdrawal can be finalized now.
    function checkWithdrawal(bytes32 withdrawalHash, address submitter) external view;

    function withdrawalStatus(bytes32 withdrawalHash, address submitter) external view returns (WithdrawalStatus);

    /// @notice Stops proofs and finalizations for PAUSE_DURATION; deposits go on. The guardian alone, and not again until
    /// three times as long has passed.
    function pause() external;

    /// @notice Ends a pause early.
    function unpause() external;

    function paused() external view returns (bool);
    function guardian() external view returns (address);
    /// @notice Sender on L2 of the message that is being finalized.
    function l2Sender() external view returns (address);
    function finalizedWithdrawals(bytes32 withdrawalHash) external view returns (bool);
    function provenWithdrawals(bytes32 withdrawalHash, address submitter)
        external
        view
        returns (IClaimGame disputeGameProxy, uint64 timestamp);
    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256);
    function proofSubmitters(bytes32 withdrawalHash, uint256 index) external view returns (address);
    function proofMaturityDelaySeconds() external view returns (uint256);
    function disputeGameFinalityDelaySeconds() external view returns (uint256);
    function respectedGameType() external view returns (uint32);
    function disputeGameFactory() external view returns (IClaimGames);
    function anchorStateRegistry() external view returns (IClaimGames);
    function version() external pure returns (string memory);
}
