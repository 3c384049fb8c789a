// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimId} from "../libraries/Ids.sol";
import {IClaimRegistry} from "./IClaimRegistry.sol";

/// @notice Who appends batches to the inbox, whose signature nodes take blocks from, and who may pause withdrawals.
enum Role {
    BATCHER,
    SIGNER,
    GUARDIAN
}

/// @notice The newest key of a role and the one before it.
/// @param key In effect from `since` on.
/// @param since L1 time in seconds; in the future while a rotation is scheduled.
/// @param former In effect before.
struct RoleKey {
    address key;
    uint64 since;
    address former;
}

/// @notice Who has the roles from the start, and how long changes are announced before, in seconds.
/// @param owner Who may schedule changes: a timelock or a multisig. Zero: nobody ever.
/// @param upgradeDelay Longer than the longest exit.
struct SystemParameters {
    address owner;
    address batcher;
    address signer;
    address guardian;
    uint64 upgradeDelay;
    uint64 rotationDelay;
}

/// @title What of a deployment can change, who may change it, and how long before everybody sees it
interface ISystemConfig {
    event UpgradeScheduled(IClaimRegistry indexed registry, uint64 time);
    event UpgradeCancelled(IClaimRegistry indexed registry);
    event UpgradeExecuted(IClaimRegistry indexed registry);
    event RotationScheduled(Role indexed role, address indexed key, uint64 time);
    event RotationCancelled(Role indexed role, address indexed key);

    /// @notice Only the owner schedules and cancels. Where the owner is zero, nobody does.
    error NotOwner(address caller);
    /// @notice Another upgrade is scheduled. Cancel it first.
    error UpgradePending(IClaimRegistry registry);
    /// @notice Nothing that could be cancelled or executed is scheduled.
    error NothingScheduled();
    /// @notice The upgrade's time has not come.
    error UpgradeTooEarly(uint64 time);
    /// @notice The registry is made for another inbox or list of claims, or for another predecessor than the one in force, or
    /// it has begun already.
    error ForeignRegistry(IClaimRegistry registry);
    /// @notice A claim would be confirmed sooner than by the rules in force.
    error PeriodShortened(uint64 given, uint64 least);
    /// @notice Upgrades, in seconds, are not announced for as long as leaving takes at most.
    error UpgradeDelayTooShort(uint256 given, uint256 least);
    /// @notice Keys must be announced, and no longer than upgrades are.
    error BadRotationDelay(uint64 given, uint64 most);
    /// @notice Without a batcher or a signer there would be no sequencer.
    error NoKey(Role role);
    /// @notice The role's last rotation is not over. At `until`, in seconds, the next can be scheduled; before its time one can
    /// be cancelled.
    error RotationPending(Role role, uint64 until);

    /// @notice Announces that another claim registry, with its rules of leaves and its verifiers, takes over. The owner alone.
    /// It takes over when somebody executes it, UPGRADE_DELAY from now at the earliest.
    function scheduleUpgrade(IClaimRegistry registry) external;

    /// @notice Takes an announced upgrade back, at any time before it is executed. The owner alone.
    function cancelUpgrade() external;

    /// @notice Lets the announced registry take over. Anyone may, when its time has come.
    /// @param id The newest confirmed claim between two blocks, with which it begins.
    /// @param endState Chain state that it claims.
    function executeUpgrade(ClaimId id, bytes calldata endState) external;

    /// @notice Announces a role's next key, in effect ROTATION_DELAY from now. The owner alone.
    function scheduleRotation(Role role, address key) external;

    /// @notice Takes an announced key back before its time. The owner alone.
    function cancelRotation(Role role) external;

    /// @notice The registry that is announced, zero for none, and from when on it can take over.
    function scheduledUpgrade() external view returns (IClaimRegistry registry, uint64 time);
    function keyOf(Role role) external view returns (RoleKey memory);
    /// @notice Who may append batches now.
    function batcher() external view returns (address);
    /// @notice Whose signature blocks must have now; for CHANGE_OVER after a rotation nodes take the former's as well.
    function unsafeBlockSigner() external view returns (address);
    /// @notice Who may pause now.
    function guardian() external view returns (address);
    /// @notice Seconds in which everybody can leave by the rules of a registry, censored and paused as much as can be.
    function exitTime(IClaimRegistry registry) external view returns (uint256);
    function version() external pure returns (string memory);
}
