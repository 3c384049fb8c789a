// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BatchInbox} from "./BatchInbox.sol";
import {ClaimGames} from "./ClaimGames.sol";
import {ClaimRegistry} from "./ClaimRegistry.sol";
import {Portal} from "./Portal.sol";
import {ClaimParameters, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ISystemConfig, Role, RoleKey, SystemParameters} from "./interfaces/ISystemConfig.sol";
import {ClaimId} from "./libraries/Ids.sol";

/// @title SystemConfig
/// @notice All that an owner can do is here: announce another claim registry, announce keys, and take both back. Nothing here
/// moves ether, names a state or changes a delay.
contract SystemConfig is ISystemConfig {
    /// @notice Seconds after a rotation for which nodes take blocks of the former signer: the inbox takes them for as long.
    uint64 public constant CHANGE_OVER = 3_600;
    /// @dev Seconds of an L1 block, one of thirteen missing.
    uint256 private constant BLOCK_SECONDS = 13;

    address public immutable OWNER;
    Portal public immutable PORTAL;
    ClaimGames public immutable GAMES;
    /// @notice Seconds from the announcement of an upgrade to its execution, at least.
    uint64 public immutable UPGRADE_DELAY;
    /// @notice Seconds from the announcement of a key to its effect.
    uint64 public immutable ROTATION_DELAY;

    mapping(Role => RoleKey) private _keys;
    IClaimRegistry private _scheduled;
    uint64 private _scheduledTime;

    /// @param portal With its inbox and list of claims; all of them are there by now.
    constructor(Portal portal, SystemParameters memory given) {
        (OWNER, PORTAL, GAMES) = (given.owner, portal, ClaimGames(address(portal.GAMES())));
        (UPGRADE_DELAY, ROTATION_DELAY) = (given.upgradeDelay, given.rotationDelay);
        if (given.batcher == address(0)) revert NoKey(Role.BATCHER);
        if (given.signer == address(0)) revert NoKey(Role.SIGNER);
        _keys[Role.BATCHER] = RoleKey(given.batcher, 0, given.batcher);
        _keys[Role.SIGNER] = RoleKey(given.signer, 0, given.signer);
        _keys[Role.GUARDIAN] = RoleKey(given.guardian, 0, given.guardian);
        // Where nobody can announce anything there is nothing to wait for.
        if (given.owner == address(0)) return;
        if (given.rotationDelay == 0 || given.rotationDelay > given.upgradeDelay) {
            revert BadRotationDelay(given.rotationDelay, given.upgradeDelay);
        }
        _checkExit(GAMES.registry());
    }

    modifier onlyOwner() {
        // INVARIANT: nobody calls from the zero address.
        if (msg.sender != OWNER) revert NotOwner(msg.sender);
        _;
    }

    /// @inheritdoc ISystemConfig
    function scheduleUpgrade(IClaimRegistry registry) external onlyOwner {
        if (address(_scheduled) != address(0)) revert UpgradePending(_scheduled);
        _checkRegistry(registry);
        (_scheduled, _scheduledTime) = (registry, uint64(block.timestamp) + UPGRADE_DELAY);
        emit UpgradeScheduled(registry, _scheduledTime);
    }

    /// @inheritdoc ISystemConfig
    function cancelUpgrade() external onlyOwner {
        emit UpgradeCancelled(_take());
    }

    /// @inheritdoc ISystemConfig
    function executeUpgrade(ClaimId id, bytes calldata endState) external {
        // INVARIANT: everybody had the time to leave by the rules in force.
        if (block.timestamp < _scheduledTime) revert UpgradeTooEarly(_scheduledTime);
        IClaimRegistry registry = _take();
        _checkRegistry(registry);
        GAMES.succeed(registry);
        registry.start(id, endState);
        emit UpgradeExecuted(registry);
    }

    /// @inheritdoc ISystemConfig
    function scheduleRotation(Role role, address key) external onlyOwner {
        if (key == address(0) && role != Role.GUARDIAN) revert NoKey(role);
        RoleKey storage newest = _keys[role];
        // INVARIANT: at no time are more than two keys of a role to be known.
        if (newest.since != 0 && block.timestamp < newest.since + CHANGE_OVER) {
            revert RotationPending(role, newest.since + CHANGE_OVER);
        }
        uint64 since = uint64(block.timestamp) + ROTATION_DELAY;
        _keys[role] = RoleKey(key, since, newest.key);
        emit RotationScheduled(role, key, since);
    }

    /// @inheritdoc ISystemConfig
    function cancelRotation(Role role) external onlyOwner {
        RoleKey memory newest = _keys[role];
        if (block.timestamp >= newest.since) revert NothingScheduled();
        _keys[role] = RoleKey(newest.former, 0, newest.former);
        emit RotationCancelled(role, newest.key);
    }

    /// @inheritdoc ISystemConfig
    function scheduledUpgrade() external view returns (IClaimRegistry registry, uint64 time) {
        return (_scheduled, _scheduledTime);
    }

    /// @inheritdoc ISystemConfig
    function keyOf(Role role) external view returns (RoleKey memory) {
        return _keys[role];
    }

    /// @inheritdoc ISystemConfig
    function batcher() external view returns (address) {
        return _current(Role.BATCHER);
    }

    /// @inheritdoc ISystemConfig
    function unsafeBlockSigner() external view returns (address) {
        return _current(Role.SIGNER);
    }

    /// @inheritdoc ISystemConfig
    function guardian() external view returns (address) {
        return _current(Role.GUARDIAN);
    }

    /// @inheritdoc ISystemConfig
    function exitTime(IClaimRegistry registry) public view returns (uint256) {
        ClaimParameters memory given = registry.parameters();
        uint256 answers = 1;
        for (uint256 i; i < 4; ++i) {
            answers += uint256(given.heights[i]) + 1;
        }
        uint256 dispute = uint256(given.period) + given.censorship + (uint256(given.delay) + 1) * answers;
        uint256 pause = PORTAL.PAUSE_DURATION();
        uint256 proof = PORTAL.proofMaturityDelaySeconds() + GAMES.disputeGameFinalityDelaySeconds();
        // The proof may have to wait for the end of a pause; another begins three times as long after that.
        uint256 paused = pause == 0 ? 0 : pause * (1 + proof / (3 * pause));
        return BatchInbox(address(PORTAL.INBOX())).FORCE_DELAY() + (given.spacing + dispute) * BLOCK_SECONDS + proof + paused;
    }

    /// @inheritdoc ISystemConfig
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    function _current(Role role) private view returns (address) {
        RoleKey storage newest = _keys[role];
        return block.timestamp < newest.since ? newest.former : newest.key;
    }

    /// @dev Nothing is scheduled afterwards.
    function _take() private returns (IClaimRegistry registry) {
        registry = _scheduled;
        if (address(registry) == address(0)) revert NothingScheduled();
        (_scheduled, _scheduledTime) = (IClaimRegistry(address(0)), 0);
    }

    /// @dev What a registry says of itself; what its code does is to be read before its time comes.
    function _checkRegistry(IClaimRegistry registry) private view {
        IClaimRegistry inForce = GAMES.registry();
        ClaimRegistry next = ClaimRegistry(address(registry));
        bool isFitting = address(registry).code.length != 0 && address(next.INBOX()) == address(PORTAL.INBOX())
            && address(next.LISTING()) == address(GAMES) && address(next.predecessor()) == address(inForce)
            && ClaimId.unwrap(next.anchorClaim()) == 0;
        if (!isFitting) revert ForeignRegistry(registry);
        // INVARIANT: no change makes a delay shorter, nor an exit longer than the next one is announced.
        (uint64 given, uint64 least) = (registry.parameters().period, inForce.parameters().period);
        if (given < least) revert PeriodShortened(given, least);
        _checkExit(registry);
    }

    function _checkExit(IClaimRegistry registry) private view {
        uint256 least = exitTime(registry);
        if (UPGRADE_DELAY < least) revert UpgradeDelayTooShort(UPGRADE_DELAY, least);
    }
}
