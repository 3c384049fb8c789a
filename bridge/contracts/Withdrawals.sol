// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IClaimGame} from "./interfaces/IClaimGame.sol";
import {IClaimGames} from "./interfaces/IClaimGames.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";
import {IWithdrawals, OutputRootProof, WithdrawalStatus, WithdrawalTransaction} from "./interfaces/IWithdrawals.sol";
import {MinimalGasCall} from "../../executor/genesis/contracts/libraries/MinimalGasCall.sol";
import {StateProof} from "./libraries/StateProof.sol";

/// @notice How long things take, in seconds.
struct WithdrawalParameters {
    uint256 proofMaturityDelay;
    uint256 pauseDuration;
}

/// @title Withdrawals
/// @notice Messages from L2, each made once after its claim is confirmed. No role can set a root, or stop them for good.
abstract contract Withdrawals is IWithdrawals {
    address private constant MESSAGE_PASSER = 0x4200000000000000000000000000000000000016;
    /// @dev Slot of the message passer's mapping from withdrawal hashes to true.
    uint256 private constant SENT_MESSAGES = 0;
    address private constant NO_SENDER = 0x000000000000000000000000000000000000dEaD;
    /// @dev Origin of calls that estimate gas.
    address private constant ESTIMATION = address(1);
    /// @dev Longest proof maturity delay, and longest pause.
    uint256 private constant MAX_DELAY = 30 days;

    struct Proven {
        IClaimGame disputeGameProxy;
        uint64 timestamp;
    }

    IClaimGames public immutable GAMES;
    uint256 public immutable PAUSE_DURATION;
    /// @notice Says who may pause.
    ISystemConfig public immutable CONFIG;
    /// @inheritdoc IWithdrawals
    uint256 public immutable proofMaturityDelaySeconds;

    /// @inheritdoc IWithdrawals
    address public l2Sender = NO_SENDER;
    /// @notice When the last pause ends or ended.
    uint64 public pausedUntil;
    /// @notice When the next pause may begin.
    uint64 public pausableFrom;
    /// @inheritdoc IWithdrawals
    mapping(bytes32 withdrawalHash => bool) public finalizedWithdrawals;
    /// @inheritdoc IWithdrawals
    mapping(bytes32 withdrawalHash => mapping(address submitter => Proven)) public provenWithdrawals;
    /// @inheritdoc IWithdrawals
    mapping(bytes32 withdrawalHash => address[]) public proofSubmitters;

    constructor(ISystemConfig config, IClaimGames games, WithdrawalParameters memory parameters) {
        // INVARIANT: no deployment keeps money for good: each wait ends.
        if (parameters.proofMaturityDelay > MAX_DELAY) revert DelayTooLong(parameters.proofMaturityDelay, MAX_DELAY);
        if (parameters.pauseDuration > MAX_DELAY) revert DelayTooLong(parameters.pauseDuration, MAX_DELAY);
        (CONFIG, GAMES) = (config, games);
        proofMaturityDelaySeconds = parameters.proofMaturityDelay;
        PAUSE_DURATION = parameters.pauseDuration;
    }

    modifier whenNotPaused() {
        if (paused()) revert CallPaused();
        _;
    }

    /// @inheritdoc IWithdrawals
    function proveWithdrawalTransaction(
        WithdrawalTransaction calldata withdrawal,
        uint256 gameIndex,
        OutputRootProof calldata output,
        bytes[] calldata proof
    ) external whenNotPaused {
        _checkTarget(withdrawal.target);
        (,, IClaimGame game) = GAMES.gameAtIndex(gameIndex);
        if (!GAMES.isGameProper(game)) revert InvalidDisputeGame();
        // INVARIANT: the state is the one that was claimed.
        if (keccak256(abi.encode(output)) != game.rootClaim()) revert InvalidProof();
        bytes32 withdrawalHash = keccak256(abi.encode(
            withdrawal.nonce,
            withdrawal.sender,
            withdrawal.target,
            withdrawal.value,
            withdrawal.gasLimit,
            withdrawal.data
        ));
        // INVARIANT: there is one proof of one statement.
        if (proof.length != 1) revert InvalidMerkleProof();
        bytes32 key = StateProof.slotKey(MESSAGE_PASSER, keccak256(abi.encode(withdrawalHash, SENT_MESSAGES)));
        (, bytes32 value) = StateProof.read(output.stateRoot, key, StateProof.decode(proof[0]));
        // INVARIANT: only what the message passer recorded.
        if (value != bytes32(uint256(1))) revert InvalidMerkleProof();
        Proven storage proven = provenWithdrawals[withdrawalHash][msg.sender];
        if (proven.timestamp == 0) proofSubmitters[withdrawalHash].push(msg.sender);
        (proven.disputeGameProxy, proven.timestamp) = (game, uint64(block.timestamp));
        emit WithdrawalProven(withdrawalHash, withdrawal.sender, withdrawal.target);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
    }

    /// @inheritdoc IWithdrawals
    function finalizeWithdrawalTransaction(WithdrawalTransaction calldata withdrawal) external {
        finalizeWithdrawalTransactionExternalProof(withdrawal, msg.sender);
    }

    /// @inheritdoc IWithdrawals
    function finalizeWithdrawalTransactionExternalProof(WithdrawalTransaction calldata withdrawal, address submitter)
        public
        whenNotPaused
    {
        // INVARIANT: while a message runs, l2Sender is its own.
        if (l2Sender != NO_SENDER) revert NonReentrant();
        bytes32 withdrawalHash = keccak256(abi.encode(
            withdrawal.nonce,
            withdrawal.sender,
            withdrawal.target,
            withdrawal.value,
            withdrawal.gasLimit,
            withdrawal.data
        ));
        checkWithdrawal(withdrawalHash, submitter);
        // INVARIANT: a message is not used up while it cannot be paid.
        if (withdrawal.value > address(this).balance) revert NotCovered(withdrawal.value, address(this).balance);
        // INVARIANT: a message is made once; it is marked before the target's code runs.
        finalizedWithdrawals[withdrawalHash] = true;
        l2Sender = withdrawal.sender;
        bool success = MinimalGasCall.callWithMinGas(
            withdrawal.target, withdrawal.gasLimit, withdrawal.value, withdrawal.data
        );
        l2Sender = NO_SENDER;
        emit WithdrawalFinalized(withdrawalHash, success);
        // An estimation must find the gas with which the target succeeds.
        if (!success && tx.origin == ESTIMATION) revert GasEstimation();
    }

    /// @inheritdoc IWithdrawals
    function checkWithdrawal(bytes32 withdrawalHash, address submitter) public view {
        WithdrawalStatus status = withdrawalStatus(withdrawalHash, submitter);
        if (status == WithdrawalStatus.READY) return;
        if (status == WithdrawalStatus.FINALIZED) revert OptimismPortal_AlreadyFinalized();
        if (status == WithdrawalStatus.UNPROVEN) revert OptimismPortal_Unproven();
        if (status == WithdrawalStatus.PROOF_MATURING) revert OptimismPortal_ProofNotOldEnough();
        revert OptimismPortal_InvalidRootClaim();
    }

    /// @inheritdoc IWithdrawals
    function withdrawalStatus(bytes32 withdrawalHash, address submitter) public view returns (WithdrawalStatus) {
        if (finalizedWithdrawals[withdrawalHash]) return WithdrawalStatus.FINALIZED;
        Proven storage proven = provenWithdrawals[withdrawalHash][submitter];
        if (proven.timestamp == 0) return WithdrawalStatus.UNPROVEN;
        if (!GAMES.isGameProper(proven.disputeGameProxy)) return WithdrawalStatus.CLAIM_REJECTED;
        if (block.timestamp - proven.timestamp <= proofMaturityDelaySeconds) return WithdrawalStatus.PROOF_MATURING;
        if (proven.disputeGameProxy.resolvedAt() == 0) return WithdrawalStatus.CLAIM_OPEN;
        if (!GAMES.isGameFinalized(proven.disputeGameProxy)) return WithdrawalStatus.FINALITY_DELAY;
        return WithdrawalStatus.READY;
    }

    /// @inheritdoc IWithdrawals
    function pause() external {
        if (msg.sender != guardian()) revert Unauthorized();
        // INVARIANT: of any stretch of time, at most a quarter is paused; money always gets out.
        if (block.timestamp < pausableFrom) revert PauseTooSoon(pausableFrom);
        pausedUntil = uint64(block.timestamp + PAUSE_DURATION);
        pausableFrom = uint64(block.timestamp + 4 * PAUSE_DURATION);
        emit Paused(pausedUntil);
    }

    /// @inheritdoc IWithdrawals
    function unpause() external {
        if (msg.sender != guardian()) revert Unauthorized();
        pausedUntil = uint64(block.timestamp);
        emit Unpaused();
    }

    /// @inheritdoc IWithdrawals
    function guardian() public view returns (address) {
        return CONFIG.guardian();
    }

    /// @inheritdoc IWithdrawals
    function paused() public view returns (bool) {
        return block.timestamp < pausedUntil;
    }

    /// @inheritdoc IWithdrawals
    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256) {
        return proofSubmitters[withdrawalHash].length;
    }

    /// @inheritdoc IWithdrawals
    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return GAMES.disputeGameFinalityDelaySeconds();
    }

    /// @inheritdoc IWithdrawals
    function respectedGameType() external view returns (uint32) {
        return GAMES.respectedGameType();
    }

    /// @inheritdoc IWithdrawals
    function disputeGameFactory() external view returns (IClaimGames) {
        return GAMES;
    }

    /// @inheritdoc IWithdrawals
    function anchorStateRegistry() external view returns (IClaimGames) {
        return GAMES;
    }

    /// @inheritdoc IWithdrawals
    /// @dev From 3 on, tools speak of games and not of an output oracle.
    function version() external pure returns (string memory) {
        return "4.0.0";
    }

    /// @dev Reverts for contracts that trust a call because it comes from here.
    function _checkTarget(address target) internal view virtual;
}
