// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Guard, Operand, Operator} from "./Program.sol";

/// @notice Adjacent elements of a tensor: the place of the first, `<< 64 | length << 32 | r`, where r is the first one's
/// reduction index. The place is the index in the tensor; once the words are opened, the address in memory.
type Run is uint256;

/// @notice The part of a reduction that is not walked run by run.
/// @param axes Axes before it, the output's included.
/// @param extent Elements of it.
/// @param isAdjacent Whether they lie side by side in every operand.
/// @param axis The one axis that guards may look at; `axes` and those behind it otherwise have none.
struct Lane {
    uint256 axes;
    uint256 extent;
    bool isAdjacent;
    uint256 axis;
}

/// @title Addresses: digits, guards, strides
/// @notice Twin of executor/tensor/address.ts. What one output element reads through an operand is a list of runs, in the
/// order of the reduction index; what is not live is not listed.
library TensorAccess {
    function toRun(uint256 place, uint256 length, uint256 r) internal pure returns (Run) {
        unchecked {
            return Run.wrap((place << 64) | (length << 32) | r);
        }
    }

    /// @notice `runs[t]`, where t is known to be in the list: a list is walked thousands of times.
    function get(Run[] memory runs, uint256 t) internal pure returns (Run run) {
        assembly ("memory-safe") {
            run := mload(add(add(runs, 32), shl(5, t)))
        }
    }

    function placeOf(Run run) internal pure returns (uint256) {
        return Run.unwrap(run) >> 64;
    }

    function lengthOf(Run run) internal pure returns (uint256) {
        return uint32(Run.unwrap(run) >> 32);
    }

    function indexOf(Run run) internal pure returns (uint256) {
        return uint32(Run.unwrap(run));
    }

    /// @notice The element that an operand reads at reduction index 0: one run, or none.
    function runAt(Operator memory op, Operand memory operand, uint256 position)
        internal
        pure
        returns (Run[] memory runs)
    {
        uint256[] memory digits = _digits(op, position);
        for (uint256 g; g < operand.guards.length; ++g) {
            Guard memory guard = operand.guards[g];
            // A negative value is a large one.
            if (uint256(_affine(guard.off, guard.coef, digits)) >= guard.limit) return runs;
        }
        runs = new Run[](1);
        runs[0] = toRun(uint256(_affine(operand.base, operand.stride, digits)), 1, 0);
    }

    /// @notice What the first `operands` operands read where the first one is live: a list for each, in step.
    /// @dev Only the first operand of a reduction has guards.
    function runsOf(Operator memory op, uint256 operands, uint256 position)
        internal
        pure
        returns (Run[][] memory runs)
    {
        unchecked {
            Lane memory lane = _laneOf(op, operands);
            uint256[] memory digits = _digits(op, position);
            (int256[] memory values, int256[][] memory steps) = _forms(op, operands, digits, lane);
            uint256 walked = 1;
            for (uint256 x = op.outputAxes; x < lane.axes; ++x) {
                walked *= op.extents[x];
            }
            runs = new Run[][](operands);
            for (uint256 j; j < operands; ++j) {
                runs[j] = new Run[](lane.isAdjacent ? walked : walked * lane.extent);
            }
            uint256 count;
            for (uint256 t; t < walked; ++t) {
                if (t > 0) {
                    uint256 x = _increment(op, digits, lane.axes);
                    for (uint256 f; f < values.length; ++f) {
                        values[f] += steps[f][x];
                    }
                }
                (uint256 from, uint256 to) = _liveOf(op.operands[0].guards, values, operands, lane);
                if (from >= to) continue;
                uint256 next;
                for (uint256 j; j < operands; ++j) {
                    int256 stride = lane.extent == 1 ? int256(1) : op.operands[j].stride[lane.axis];
                    Run first = toRun(
                        uint256(values[j] + int256(from) * stride), lane.isAdjacent ? to - from : 1, t * lane.extent + from
                    );
                    next = _append(runs[j], count, first, lane.isAdjacent ? 1 : to - from, stride);
                }
                count = next;
            }
            for (uint256 j; j < operands; ++j) {
                Run[] memory list = runs[j];
                assembly ("memory-safe") {
                    mstore(list, count)
                }
            }
        }
    }

    /// @dev The last axis, and those before it as long as they lie side by side and no guard looks at any of them.
    function _laneOf(Operator memory op, uint256 operands) private pure returns (Lane memory lane) {
        unchecked {
            lane.axes = op.extents.length;
            lane.extent = 1;
            lane.isAdjacent = true;
            bool isFree = true;
            while (lane.axes > op.outputAxes) {
                uint256 x = lane.axes - 1;
                uint256 extent = op.extents[x];
                if (extent != 1) {
                    bool isAdjacent = _isAdjacent(op, operands, x, lane.extent);
                    isFree = isFree && _isUnguarded(op.operands[0].guards, x);
                    if (lane.extent == 1) (lane.axis, lane.isAdjacent) = (x, isAdjacent);
                    else if (!isAdjacent || !isFree) break;
                    lane.extent *= extent;
                }
                lane.axes = x;
                if (!lane.isAdjacent) break;
            }
        }
    }

    /// @dev Values at the first reduction index, and what each walked axis adds: the operands' addresses, then the first
    /// one's guards.
    function _forms(Operator memory op, uint256 operands, uint256[] memory digits, Lane memory lane)
        private
        pure
        returns (int256[] memory values, int256[][] memory steps)
    {
        unchecked {
            Guard[] memory guards = op.operands[0].guards;
            values = new int256[](operands + guards.length);
            steps = new int256[][](values.length);
            for (uint256 j; j < operands; ++j) {
                Operand memory operand = op.operands[j];
                values[j] = _affine(operand.base, operand.stride, digits);
                steps[j] = _steps(op, operand.stride, lane.axes);
            }
            for (uint256 g; g < guards.length; ++g) {
                values[operands + g] = _affine(guards[g].off, guards[g].coef, digits);
                steps[operands + g] = _steps(op, guards[g].coef, lane.axes);
            }
        }
    }

    /// @dev The live part [from, to) of the lane: where every guard's value, `value + coefficient * d`, is in range.
    function _liveOf(Guard[] memory guards, int256[] memory values, uint256 operands, Lane memory lane)
        private
        pure
        returns (uint256 from, uint256 to)
    {
        unchecked {
            int256 lo;
            int256 hi = int256(lane.extent);
            for (uint256 g; g < guards.length; ++g) {
                int256 value = values[operands + g];
                int256 limit = int256(guards[g].limit);
                int256 coefficient = lane.extent == 1 ? int256(0) : guards[g].coef[lane.axis];
                if (coefficient < 0) {
                    // 0 <= value - c*d < limit, the same as 0 <= (limit - 1 - value) + c*d < limit.
                    value = limit - 1 - value;
                    coefficient = -coefficient;
                }
                if (coefficient == 0) {
                    if (value < 0 || value >= limit) return (0, 0);
                    continue;
                }
                int256 first = value < 0 ? (coefficient - 1 - value) / coefficient : int256(0);
                int256 last = value < limit ? (coefficient - 1 + limit - value) / coefficient : int256(0);
                if (first > lo) lo = first;
                if (last < hi) hi = last;
            }
            return lo < hi ? (uint256(lo), uint256(hi)) : (uint256(0), uint256(0));
        }
    }

    /// @dev `count` runs of one length, their places `stride` apart, from `place` of the list on.
    function _append(Run[] memory list, uint256 place, Run first, uint256 count, int256 stride)
        private
        pure
        returns (uint256 next)
    {
        assembly ("memory-safe") {
            next := add(place, count)
            let to := add(add(list, 32), shl(5, place))
            let step := add(shl(64, stride), 1)
            for { let end := add(to, shl(5, count)) } lt(to, end) { to := add(to, 32) } {
                mstore(to, first)
                first := add(first, step)
            }
        }
    }

    function _isAdjacent(Operator memory op, uint256 operands, uint256 axis, uint256 length)
        private
        pure
        returns (bool)
    {
        for (uint256 j; j < operands; ++j) {
            if (op.operands[j].stride[axis] != int256(length)) return false;
        }
        return true;
    }

    function _isUnguarded(Guard[] memory guards, uint256 axis) private pure returns (bool) {
        for (uint256 g; g < guards.length; ++g) {
            if (guards[g].coef[axis] != 0) return false;
        }
        return true;
    }

    /// @dev Digits of an output index, last axis fastest, and zeros for the reduction axes.
    function _digits(Operator memory op, uint256 position) private pure returns (uint256[] memory digits) {
        unchecked {
            digits = new uint256[](op.extents.length);
            for (uint256 x = op.outputAxes; x > 0; --x) {
                uint256 extent = op.extents[x - 1];
                digits[x - 1] = position % extent;
                position /= extent;
            }
        }
    }

    /// @dev For each axis: what is added where its digit grows by one and those behind it fall to zero.
    function _steps(Operator memory op, int256[] memory coefficients, uint256 axes)
        private
        pure
        returns (int256[] memory steps)
    {
        unchecked {
            steps = new int256[](axes);
            int256 behind;
            for (uint256 x = axes; x > op.outputAxes; --x) {
                int256 coefficient = coefficients[x - 1];
                steps[x - 1] = coefficient - behind;
                behind += coefficient * int256(op.extents[x - 1] - 1);
            }
        }
    }

    /// @dev To the next reduction index; the axis whose digit grew. There is a next one.
    function _increment(Operator memory op, uint256[] memory digits, uint256 axes) private pure returns (uint256 x) {
        unchecked {
            x = axes - 1;
            while (digits[x] + 1 == op.extents[x]) {
                digits[x] = 0;
                --x;
            }
            ++digits[x];
        }
    }

    function _affine(int256 sum, int256[] memory coefficients, uint256[] memory digits) private pure returns (int256) {
        unchecked {
            for (uint256 x; x < coefficients.length; ++x) {
                sum += coefficients[x] * int256(digits[x]);
            }
            return sum;
        }
    }
}
