// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

enum ClaimStatus {
    NONE,
    OPEN,
    CONFIRMED,
    FORFEITED
}

/// @notice One claim; its id is the id of its level-0 root edge.
/// @param endState Hash of the chain state that it claims.
/// @param outputRoot OP Stack's output root of that state, zero where it lies inside a block.
/// @param limitBatch Inbox records that claims on this one must derive.
/// @param limitDelayed Delayed messages queued by then.
/// @param madeAt L1 block in which it was made.
/// @param blockNumber L2 block that ended last in the state.
/// @param createdAt L1 time at which it was made.
/// @param confirmedAt L1 time at which it was confirmed, or zero.
/// @param isFirst Whether it was the first in its context: only that one gains time by itself.
struct Claim {
    bytes32 parent;
    bytes32 endState;
    bytes32 outputRoot;
    uint64 limitBatch;
    uint64 limitDelayed;
    uint64 madeAt;
    ClaimStatus status;
    bool isFirst;
    uint64 blockNumber;
    uint64 createdAt;
    uint64 confirmedAt;
}

/// @notice The place where rivals of one parent meet.
/// @param firstAt L1 block of the first claim.
/// @param secondAt L1 block of the second, zero while there is none.
struct Context {
    uint64 firstAt;
    uint64 secondAt;
    bool settled;
}

/// @param stake Zero after payout.
struct Root {
    address staker;
    uint96 stake;
}

/// @notice Heights of the game's levels, times in L1 blocks, amounts in wei.
/// @param heights Of the trees of chain, execution, inference and tensor.
/// @param period T: after so many blocks without a rival a claim is confirmed.
/// @param censorship C: blocks for which moves can be kept out, in total.
/// @param delay Blocks from an event to the inclusion of its answer.
/// @param spacing Least number of blocks between a claim and its child.
/// @param tariff What a lost bond pays to the winner; the rest is burned.
struct ClaimParameters {
    uint8[4] heights;
    uint64 period;
    uint64 censorship;
    uint64 delay;
    uint64 spacing;
    uint96 bond;
    uint96 tariff;
}

/// @title Claims of the chain's state, each on a parent
/// @notice "No-op" means: it changes nothing, takes nothing and is no error, so that whoever comes second loses nothing.
interface IClaimRegistry {
    event ClaimProposed(
        bytes32 indexed id,
        bytes32 indexed parent,
        bytes32 node,
        bytes endState,
        uint64 limitBatch,
        uint64 limitDelayed,
        address staker
    );
    event LevelSettled(bytes32 indexed ctx, bytes32 indexed edge);
    event ClaimConfirmed(bytes32 indexed id);
    event ClaimForfeited(bytes32 indexed id);
    event StakeLost(bytes32 indexed edge, uint256 tariff, uint256 burned);
    event Withdrawn(address indexed account, uint256 amount);

    error BadParameters();
    error UnknownParent(bytes32 parent);
    /// @notice The end state is no chain state, or not the last leaf of the tree.
    error BadEnd();
    error TooEarly();
    error BadStake(uint256 given, uint256 required);
    error NotRoot(bytes32 edge);
    error ParentOpen(bytes32 parent);
    error ParentAlive(bytes32 parent);
    error NotLoser(bytes32 edge);
    error TransferFailed();

    /// @notice Claims the state at the inbox position that was fixed when the parent was made. Anyone may, with the bond.
    /// No-op when the claim is there or its context is settled: the bond is credited back.
    /// @param parent Claim that it goes on from: confirmed, or open in an open context.
    /// @param endState The claimed chain state, 238 bytes.
    /// @param node Root of the tree over the states after each unit.
    /// @param path Siblings of the tree's last leaf, lowest first.
    function propose(bytes32 parent, bytes calldata endState, bytes32 node, bytes32[] calldata path)
        external
        payable
        returns (bytes32 id);

    /// @notice Confirms a claim whose time has come and whose parent is confirmed; its bond is credited.
    function settle(bytes32 id) external;

    /// @notice Takes the bond of a claim that lost to a rival: the tariff to the winner, the rest burned.
    function collect(bytes32 id) external;

    /// @notice Burns the bond of a claim whose parent can never be confirmed.
    function forfeit(bytes32 id) external;

    /// @notice Pays the caller what it is credited with.
    function withdraw() external;

    function claimOf(bytes32 id) external view returns (Claim memory);
    function rootOf(bytes32 id) external view returns (Root memory);
    function contextOf(bytes32 id) external view returns (bytes32 ctx, Context memory state);
    /// @notice Whether the claim, or the one that it stands on, has lost.
    function isRejected(bytes32 id) external view returns (bool);
    /// @notice L1 blocks counted for the claim: confirmed from the challenge period on.
    function timerOf(bytes32 id) external view returns (uint64);
    function parameters() external view returns (ClaimParameters memory);
}
