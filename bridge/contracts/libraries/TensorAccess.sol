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

/// @notice Affine forms of the digits: the operands' addresses, then the first one's guards. A guard that falls along the lane
/// is counted from its limit down, so that it rises.
/// @param values At the beginning of the lane.
/// @param strides Along the lane.
/// @param limits Of the guards.
/// @param steps By axis, for each form: what is added where the axis' digit grows.
struct Forms {
    int256[] values;
    int256[] strides;
    uint256[] limits;
    int256[][] steps;
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

    /// @notice The place as an index, which may lie before the tensor.
    function addressOf(Run run) internal pure returns (int256) {
        return int256(Run.unwrap(run)) >> 64;
    }

    function lengthOf(Run run) internal pure returns (uint256) {
        return uint32(Run.unwrap(run) >> 32);
    }

    function indexOf(Run run) internal pure returns (uint256) {
        return uint32(Run.unwrap(run));
    }

    /// @notice The parts of the runs that lie in a tensor of `count` elements, in order; `runs` itself where all of them do.
    function within(Run[] memory runs, uint256 count) internal pure returns (Run[] memory inside) {
        unchecked {
            bool isWhole = true;
            assembly ("memory-safe") {
                let end := add(add(runs, 32), shl(5, mload(runs)))
                for { let at := add(runs, 32) } lt(at, end) { at := add(at, 32) } {
                    let run := mload(at)
                    let place := sar(64, run)
                    if or(slt(place, 0), sgt(add(place, and(shr(32, run), 0xffffffff)), count)) { isWhole := 0 }
                }
            }
            if (isWhole) return runs;
            inside = new Run[](runs.length);
            uint256 parts;
            for (uint256 t; t < runs.length; ++t) {
                (uint256 from, uint256 to) = _partOf(runs[t], count);
                if (from < to) {
                    uint256 place = uint256(addressOf(runs[t]) + int256(from));
                    inside[parts++] = toRun(place, to - from, indexOf(runs[t]) + from);
                }
            }
            assembly ("memory-safe") {
                mstore(inside, parts)
            }
        }
    }

    /// @notice Once the words of `inside`, the runs' parts in the tensor, are opened: puts each run in memory, the zero element
    /// where it lies outside. A run may be read by whole words.
    function spread(Run[] memory runs, Run[] memory inside, uint256 count, uint256 size) internal pure {
        unchecked {
            uint256 longest;
            for (uint256 t; t < runs.length; ++t) {
                if (lengthOf(runs[t]) > longest) longest = lengthOf(runs[t]);
            }
            uint256 zeros = _zeros(longest * size);
            uint256 parts;
            for (uint256 t; t < runs.length; ++t) {
                Run run = runs[t];
                (uint256 from, uint256 to) = _partOf(run, count);
                uint256 length = lengthOf(run);
                uint256 place = zeros;
                if (from < to) {
                    place = placeOf(inside[parts++]);
                    if (to - from != length) {
                        (uint256 source, uint256 start) = (place, _zeros(length * size));
                        place = start;
                        assembly ("memory-safe") {
                            mcopy(add(start, mul(from, size)), source, mul(sub(to, from), size))
                        }
                    }
                }
                runs[t] = toRun(place, length, indexOf(run));
            }
        }
    }

    /// @dev Elements [from, to) of the run lie in the tensor.
    function _partOf(Run run, uint256 count) private pure returns (uint256 from, uint256 to) {
        unchecked {
            int256 place = addressOf(run);
            int256 length = int256(lengthOf(run));
            int256 left = int256(count) - place;
            if (place < 0) from = uint256(-place);
            if (left > 0) to = uint256(left < length ? left : length);
        }
    }

    /// @dev Where so many zero bytes lie in memory, and a word behind them.
    function _zeros(uint256 size) private pure returns (uint256 place) {
        bytes memory made = new bytes(size + 32);
        assembly ("memory-safe") {
            place := add(made, 32)
        }
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
            Forms memory forms = _formsOf(op, operands, digits, lane);
            uint256 walked = 1;
            for (uint256 x = op.outputAxes; x < lane.axes; ++x) {
                walked *= op.extents[x];
            }
            (uint256 extent, bool isAdjacent) = (lane.extent, lane.isAdjacent);
            runs = new Run[][](operands);
            for (uint256 j; j < operands; ++j) {
                runs[j] = new Run[](isAdjacent ? walked : walked * extent);
            }
            uint256 count;
            for (uint256 t; t < walked; ++t) {
                if (t > 0) _add(forms.values, forms.steps[_increment(op.extents, digits, lane.axes)]);
                (uint256 from, uint256 to) = _liveOf(forms, operands, extent);
                if (from >= to) continue;
                uint256 length = isAdjacent ? to - from : 1;
                uint256 more = isAdjacent ? 1 : to - from;
                for (uint256 j; j < operands; ++j) {
                    int256 stride = forms.strides[j];
                    Run first = toRun(uint256(forms.values[j] + int256(from) * stride), length, t * extent + from);
                    _append(runs[j], count, first, more, stride);
                }
                count += more;
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

    function _formsOf(Operator memory op, uint256 operands, uint256[] memory digits, Lane memory lane)
        private
        pure
        returns (Forms memory forms)
    {
        unchecked {
            Guard[] memory guards = op.operands[0].guards;
            uint256 count = operands + guards.length;
            forms.values = new int256[](count);
            forms.strides = new int256[](count);
            forms.limits = new uint256[](count);
            forms.steps = new int256[][](lane.axes);
            for (uint256 x; x < lane.axes; ++x) {
                forms.steps[x] = new int256[](count);
            }
            for (uint256 j; j < operands; ++j) {
                Operand memory operand = op.operands[j];
                forms.values[j] = _affine(operand.base, operand.stride, digits);
                forms.strides[j] = lane.extent == 1 ? int256(1) : operand.stride[lane.axis];
                _setSteps(forms.steps, j, op, operand.stride, 1);
            }
            for (uint256 g; g < guards.length; ++g) {
                Guard memory guard = guards[g];
                uint256 f = operands + g;
                int256 value = _affine(guard.off, guard.coef, digits);
                int256 coefficient = lane.extent == 1 ? int256(0) : guard.coef[lane.axis];
                // 0 <= value - c*d < limit, the same as 0 <= (limit - 1 - value) + c*d < limit.
                bool isFalling = coefficient < 0;
                forms.values[f] = isFalling ? int256(guard.limit) - 1 - value : value;
                forms.strides[f] = isFalling ? -coefficient : coefficient;
                forms.limits[f] = guard.limit;
                _setSteps(forms.steps, f, op, guard.coef, isFalling ? int256(-1) : int256(1));
            }
        }
    }

    /// @dev The live part [from, to) of the lane: where every guard's value, `value + stride * d`, is in range.
    function _liveOf(Forms memory forms, uint256 operands, uint256 extent)
        private
        pure
        returns (uint256 from, uint256 to)
    {
        (int256[] memory values, int256[] memory strides, uint256[] memory limits) =
            (forms.values, forms.strides, forms.limits);
        assembly ("memory-safe") {
            to := extent
            let end := shl(5, mload(values))
            for { let f := shl(5, operands) } lt(f, end) { f := add(f, 32) } {
                let value := mload(add(add(values, 32), f))
                let stride := mload(add(add(strides, 32), f))
                let limit := mload(add(add(limits, 32), f))
                switch stride
                case 0 {
                    // A negative value is a large one.
                    if iszero(lt(value, limit)) { to := 0 }
                }
                default {
                    let last := 0
                    if slt(value, limit) { last := div(add(sub(limit, value), sub(stride, 1)), stride) }
                    if lt(last, to) { to := last }
                    if slt(value, 0) {
                        let first := div(sub(sub(stride, 1), value), stride)
                        if gt(first, from) { from := first }
                    }
                }
            }
        }
    }

    /// @dev `count` runs of one length, their places `stride` apart, from `place` of the list on.
    function _append(Run[] memory list, uint256 place, Run first, uint256 count, int256 stride) private pure {
        assembly ("memory-safe") {
            let to := add(add(list, 32), shl(5, place))
            let step := add(shl(64, stride), 1)
            for { let end := add(to, shl(5, count)) } lt(to, end) { to := add(to, 32) } {
                mstore(to, first)
                first := add(first, step)
            }
        }
    }

    function _add(int256[] memory values, int256[] memory step) private pure {
        assembly ("memory-safe") {
            for { let f := shl(5, mload(values)) } f { f := sub(f, 32) } {
                mstore(add(values, f), add(mload(add(values, f)), mload(add(step, f))))
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

    /// @dev For each walked axis: what is added to form `f` where its digit grows by one and those behind it fall to zero.
    function _setSteps(int256[][] memory steps, uint256 f, Operator memory op, int256[] memory coefficients, int256 sign)
        private
        pure
    {
        unchecked {
            int256 behind;
            for (uint256 x = steps.length; x > op.outputAxes; --x) {
                int256 coefficient = sign * coefficients[x - 1];
                steps[x - 1][f] = coefficient - behind;
                behind += coefficient * int256(op.extents[x - 1] - 1);
            }
        }
    }

    /// @dev To the next reduction index; the axis whose digit grew. There is a next one.
    function _increment(uint256[] memory extents, uint256[] memory digits, uint256 axes) private pure returns (uint256 x) {
        assembly ("memory-safe") {
            x := shl(5, axes)
            let next := add(mload(add(digits, x)), 1)
            for {} eq(next, mload(add(extents, x))) {} {
                mstore(add(digits, x), 0)
                x := sub(x, 32)
                next := add(mload(add(digits, x)), 1)
            }
            mstore(add(digits, x), next)
            x := sub(shr(5, x), 1)
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
