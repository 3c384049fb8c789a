// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimId, ContextId, NodeHash, StateHash} from "../libraries/Ids.sol";
import {IDisputeGame} from "./IDisputeGame.sol";

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
/// @param madeAt L1 block in which it was made.
/// @param blockNumber L2 block that ended last in the state.
/// @param createdAt L1 time at which it was made.
/// @param confirmedAt L1 time at which it was confirmed, or zero.
struct Claim {
    ClaimId parent;
    StateHash endState;
    bytes32 outputRoot;
    uint64 limitBatch;
    uint64 madeAt;
    uint64 blockNumber;
    ClaimStatus status;
    uint64 createdAt;
    uint64 confirmedAt;
}

/// @notice Heights of the game's levels, times in L1 blocks, amounts in wei.
/// @param heights Of the trees of chain, execution, inference and tensor.
/// @param period T: after so many blocks without a rival a claim is confirmed.
/// @param censorship C: blocks for which moves can be kept out, in total.
/// @param delay Blocks from an event to the inclusion of its answer.
/// @param spacing Least number of blocks between a claim and its child.
/// @param stakes Of roots at levels 0 (a claim's bond), 1 and 2.
/// @param tariffs What a lost stake pays to the winner; the rest is burned.
struct ClaimParameters {
    uint8[4] heights;
    uint64 period;
    uint64 censorship;
    uint64 delay;
    uint64 spacing;
    uint96[3] stakes;
    uint96[3] tariffs;
}

/// @title Claims of the chain's state, each on a parent: the roots of the board at level 0
interface IClaimRegistry is IDisputeGame {
    event ClaimProposed(
        ClaimId indexed id, ClaimId indexed parent, NodeHash node, bytes endState, uint64 limitBatch, address staker
    );
    /// @notice The claim that all others stand on is there: the chain's first state, or what a predecessor confirmed last.
    event ClaimsBegun(ClaimId indexed id, bytes endState, uint64 limitBatch);
    event ClaimConfirmed(ClaimId indexed id);
    event ClaimForfeited(ClaimId indexed id);

    /// @notice No claim has this id, or it has lost: nothing is claimed on it.
    error UnknownParent(ClaimId parent);
    /// @notice Claims on this parent derive another number of inbox records, or others: L1 reorganised.
    error WrongGame(ContextId given, ContextId expected);
    /// @notice The parent is not confirmed. Settle it first.
    error ParentOpen(ClaimId parent);
    /// @notice The parent may still be confirmed: its children are not forfeited.
    error ParentAlive(ClaimId parent);

    /// @notice The registry has not taken over, or has begun already.
    error CannotStart();

    /// @notice Not the newest confirmed claim between two blocks.
    error NotLatest(ClaimId id);

    /// @notice Begins with the newest claim between two blocks that the predecessor confirmed. Anyone may, once, when this
    /// registry has taken over.
    /// @param endState Chain state that it claims, 254 bytes.
    function start(ClaimId id, bytes calldata endState) external;

    /// @notice Claims the state at the inbox position that was fixed when the parent was made. Anyone may, with the bond.
    /// No-op when the claim is there or its context is settled: the bond is credited back.
    /// @param parent Claim that it goes on from: confirmed, or open in an open context.
    /// @param game What was derived: `gameOn` of the parent. An L1 reorg can make it another.
    /// @param endState The claimed chain state, 254 bytes.
    /// @param node Root of the tree over the states after each unit.
    /// @param path Siblings of the tree's last leaf, lowest first.
    function propose(
        ClaimId parent,
        ContextId game,
        bytes calldata endState,
        NodeHash node,
        NodeHash[] calldata path
    ) external payable returns (ClaimId id);

    /// @notice Confirms a claim whose time has come and whose parent is confirmed; its bond is credited.
    function settle(ClaimId id) external payable;

    /// @notice Takes the bond of a claim that lost to a rival: the tariff to the winner, the rest burned.
    function collect(ClaimId id) external payable;

    /// @notice Burns the bond of a claim whose parent can never be confirmed.
    function forfeit(ClaimId id) external payable;

    /// @notice The claim that all others stand on; zero before it began.
    function anchorClaim() external view returns (ClaimId);
    /// @notice Whether it is the newest confirmed claim between two blocks.
    function isLatest(ClaimId id) external view returns (bool);
    function claimOf(ClaimId id) external view returns (Claim memory);
    /// @notice Hash of the game of the claims on a claim: of the parent, of its limit, and of the inbox's lineage there.
    function gameOn(ClaimId parent) external view returns (ContextId game);
    /// @return ctx Where the claim's rivals meet it.
    function contextOf(ClaimId id) external view returns (ContextId ctx);
    /// @notice Whether the claim, or the one that it stands on, has lost.
    function isRejected(ClaimId id) external view returns (bool);
    /// @notice L1 blocks counted for the claim: confirmed from the challenge period on.
    function timerOf(ClaimId id) external view returns (uint64);
    function parameters() external view returns (ClaimParameters memory);
}
